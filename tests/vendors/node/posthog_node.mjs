import { PostHog } from "posthog-node";

import { recordSent, run } from "./visit.mjs";

await run(async ({ host, key, options, person, page, signup, ...steps }) => {
    const client = new PostHog(key, { host, flushAt: 100, ...options });
    const capture = (event, properties, more = {}) =>
        client.capture({ distinctId: person.user, event: recordSent(event), properties, ...more });

    capture("$pageview", {
        $current_url: page.url,
        $referrer: page.referrer,
        $ip: person.address,
        $raw_user_agent: person.agent,
        $device_id: person.device,
        $session_id: person.session,
        title: page.title,
    });
    capture("Signup Clicked", signup);
    recordSent("$identify");
    client.identify({
        distinctId: person.user,
        properties: { email: person.email, name: person.name, phone: person.phone },
    });
    recordSent("$create_alias");
    client.alias({ distinctId: person.user, alias: person.anonymous });
    recordSent("$groupidentify");
    client.groupIdentify({
        groupType: "company",
        groupKey: person.group,
        properties: { name: person.name },
        distinctId: person.user,
    });
    const groups = { company: person.group };
    capture("Product Viewed", steps.product, { groups });
    capture("Product Added", steps.product, { groups });
    capture("Cart Viewed", steps.cart, { groups });
    capture("Checkout Started", steps.checkout, { groups });
    capture("Order Completed", steps.order, { groups, timestamp: new Date() });
    capture("Order Refunded", steps.refund, { groups });
    await client.shutdown();
});
