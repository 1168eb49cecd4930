import { promisify } from "node:util";

import Mixpanel from "mixpanel";

import { recordSent, run } from "./visit.mjs";

await run(async ({ host, key, options, person, page, signup, ...steps }) => {
    const url = new URL(host);
    const client = Mixpanel.init(key, {
        host: url.host,
        protocol: url.protocol.replace(":", ""),
        path: url.pathname.replace(/\/$/, ""),
        ...options,
    });
    const visitorProperties = {
        distinct_id: person.user,
        $device_id: person.device,
        ip: person.address,
        $browser: "Chrome",
        $city: person.name,
        $current_url: page.url,
        $referrer: page.referrer,
    };
    const send = (call, ...properties) => promisify(call)(...properties);
    const track = (event, properties) =>
        send(client.track.bind(client), recordSent(event), { ...visitorProperties, ...properties });

    await track("Page View", { title: page.title });
    await track("Signup Clicked", signup);
    recordSent("engage:$set");
    await send(client.people.set.bind(client.people), person.user, {
        $email: person.email,
        $name: person.name,
        $phone: person.phone,
        $ip: person.address,
    });
    recordSent("$create_alias");
    await send(client.alias.bind(client), person.user, person.anonymous);
    recordSent("groups:$set");
    await send(client.groups.set.bind(client.groups), "company", person.group, {
        name: person.name,
    });
    await track("Product Viewed", steps.product);
    await track("Product Added", steps.product);
    recordSent("engage:$append");
    await send(client.people.track_charge.bind(client.people), person.user, 59.9, {
        order: person.order,
    });
    const batch = [
        ["Cart Viewed", steps.cart],
        ["Checkout Started", steps.checkout],
        ["Order Completed", steps.order],
        ["Order Refunded", steps.refund],
    ].map(([event, properties]) => ({
        event: recordSent(event),
        properties: { ...visitorProperties, ...properties },
    }));
    await send(client.track_batch.bind(client), batch);
});
