// The visit in the calls that Segment's and RudderStack's clients share.

import { hand } from "./visit.mjs";

export function tellTo(client, { who, page, signup, ...steps }) {
    const context = {
        ip: who.address,
        userAgent: who.agent,
        page,
        device: { id: who.device, advertisingId: who.device },
        timezone: "Europe/Berlin",
        locale: "de-DE",
    };
    const traits = { email: who.email, name: who.name, phone: who.phone };
    const anonymous = { anonymousId: who.anonymous, context };
    const known = { userId: who.user, context: { ...context, traits } };
    const track = (event, properties) => {
        hand(`track:${event}`);
        client.track({ ...known, event, properties });
    };

    hand("page:Blue Mug");
    client.page({ ...anonymous, name: "Blue Mug", properties: page });
    hand("track:Signup Clicked");
    client.track({ ...anonymous, event: "Signup Clicked", properties: signup });
    hand("identify");
    client.identify({ ...anonymous, userId: who.user, traits });
    hand("alias");
    client.alias({ userId: who.user, previousId: who.anonymous, context });
    hand("group");
    client.group({ userId: who.user, groupId: who.group, traits: { name: who.name } });
    hand("screen:Cart");
    client.screen({ ...known, name: "Cart" });
    track("Product Viewed", steps.product);
    track("Product Added", steps.product);
    track("Cart Viewed", steps.cart);
    track("Checkout Started", steps.checkout);
    track("Order Completed", steps.order);
    track("Order Refunded", steps.refund);
}
