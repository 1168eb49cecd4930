import { Umami } from "@umami/node";

import { hand, run } from "./visit.mjs";

await run(async ({ host, key, options, who, page, signup, ...steps }) => {
    const umami = new Umami({ websiteId: key, hostUrl: host, userAgent: who.agent, ...options });
    const shown = {
        hostname: new URL(page.url).hostname,
        language: "de-DE",
        screen: "1920x1080",
        title: page.title,
        url: page.url,
        referrer: page.referrer,
        ip: who.address,
        id: who.user,
    };
    const track = (name, data) => umami.track({ ...shown, name: hand(name), data });

    hand("pageview");
    await umami.track(shown);
    // In its short form the client says neither page nor host.
    await umami.track(hand("Signup Clicked"), signup);
    hand("identify");
    await umami.identify({ email: who.email, name: who.name, phone: who.phone });
    await track("Product Viewed", steps.product);
    await track("Product Added", steps.product);
    await track("Cart Viewed", steps.cart);
    await track("Checkout Started", steps.checkout);
    await track("Order Completed", { ...steps.order, revenue: steps.order.total });
    await track("Order Refunded", steps.refund);
});
