import { promisify } from "node:util";

import Mixpanel from "mixpanel";

import { hand, run } from "./visit.mjs";

await run(async ({ host, key, options, who, page, signup, ...steps }) => {
    const url = new URL(host);
    const client = Mixpanel.init(key, {
        host: url.host,
        protocol: url.protocol.replace(":", ""),
        path: url.pathname.replace(/\/$/, ""),
        ...options,
    });
    const person = {
        distinct_id: who.user,
        $device_id: who.device,
        ip: who.address,
        $browser: "Chrome",
        $city: who.name,
        $current_url: page.url,
        $referrer: page.referrer,
    };
    const send = (call, ...told) => promisify(call)(...told);
    const track = (event, properties) =>
        send(client.track.bind(client), hand(event), { ...person, ...properties });

    await track("Page View", { title: page.title });
    await track("Signup Clicked", signup);
    hand("engage:$set");
    await send(client.people.set.bind(client.people), who.user, {
        $email: who.email,
        $name: who.name,
        $phone: who.phone,
        $ip: who.address,
    });
    hand("$create_alias");
    await send(client.alias.bind(client), who.user, who.anonymous);
    hand("groups:$set");
    await send(client.groups.set.bind(client.groups), "company", who.group, {
        name: who.name,
    });
    await track("Product Viewed", steps.product);
    await track("Product Added", steps.product);
    hand("engage:$append");
    await send(client.people.track_charge.bind(client.people), who.user, 59.9, {
        order: who.order,
    });
    const batch = [
        ["Cart Viewed", steps.cart],
        ["Checkout Started", steps.checkout],
        ["Order Completed", steps.order],
        ["Order Refunded", steps.refund],
    ].map(([event, properties]) => ({
        event: hand(event),
        properties: { ...person, ...properties },
    }));
    await send(client.track_batch.bind(client), batch);
});
