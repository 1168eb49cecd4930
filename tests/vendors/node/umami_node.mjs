import { Umami } from "@umami/node";

import { recordSent, run } from "./visit.mjs";

await run(async ({ host, key, options, person, page, signup, ...steps }) => {
    const umami = new Umami({ websiteId: key, hostUrl: host, userAgent: person.agent, ...options });
    const shown = {
        hostname: new URL(page.url).hostname,
        language: "de-DE",
        screen: "1920x1080",
        title: page.title,
        url: page.url,
        referrer: page.referrer,
        ip: person.address,
        id: person.user,
    };
    const track = (name, data) => umami.track({ ...shown, name: recordSent(name), data });

    recordSent("pageview");
    await umami.track(shown);
    // The short form of the call sends neither page nor host.
    await umami.track(recordSent("Signup Clicked"), signup);
    recordSent("identify");
    await umami.identify({ email: person.email, name: person.name, phone: person.phone });
    await track("Product Viewed", steps.product);
    await track("Product Added", steps.product);
    await track("Cart Viewed", steps.cart);
    await track("Checkout Started", steps.checkout);
    await track("Order Completed", { ...steps.order, revenue: steps.order.total });
    await track("Order Refunded", steps.refund);
});
