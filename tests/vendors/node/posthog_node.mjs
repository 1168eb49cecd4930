import { PostHog } from "posthog-node";

import { hand, run } from "./visit.mjs";

await run(async ({ host, key, options, who, page, signup, ...steps }) => {
    const client = new PostHog(key, { host, flushAt: 100, ...options });
    const capture = (event, properties, more = {}) =>
        client.capture({ distinctId: who.user, event: hand(event), properties, ...more });

    capture("$pageview", {
        $current_url: page.url,
        $referrer: page.referrer,
        $ip: who.address,
        $raw_user_agent: who.agent,
        $device_id: who.device,
        $session_id: who.session,
        title: page.title,
    });
    capture("Signup Clicked", signup);
    hand("$identify");
    client.identify({
        distinctId: who.user,
        properties: { email: who.email, name: who.name, phone: who.phone },
    });
    hand("$create_alias");
    client.alias({ distinctId: who.user, alias: who.anonymous });
    hand("$groupidentify");
    client.groupIdentify({
        groupType: "company",
        groupKey: who.group,
        properties: { name: who.name },
        distinctId: who.user,
    });
    const groups = { company: who.group };
    capture("Product Viewed", steps.product, { groups });
    capture("Product Added", steps.product, { groups });
    capture("Cart Viewed", steps.cart, { groups });
    capture("Checkout Started", steps.checkout, { groups });
    capture("Order Completed", steps.order, { groups, timestamp: new Date() });
    capture("Order Refunded", steps.refund, { groups });
    await client.shutdown();
});
