// Sends the visit with the calls that the clients of Segment and RudderStack share.

import { recordSent } from "./visit.mjs";

export function sendVisit(client, { person, page, signup, ...steps }) {
    const context = {
        ip: person.address,
        userAgent: person.agent,
        page,
        device: { id: person.device, advertisingId: person.device },
        timezone: "Europe/Berlin",
        locale: "de-DE",
    };
    const traits = { email: person.email, name: person.name, phone: person.phone };
    const anonymous = { anonymousId: person.anonymous, context };
    const known = { userId: person.user, context: { ...context, traits } };
    const track = (event, properties) => {
        recordSent(`track:${event}`);
        client.track({ ...known, event, properties });
    };

    recordSent("page:Blue Mug");
    client.page({ ...anonymous, name: "Blue Mug", properties: page });
    recordSent("track:Signup Clicked");
    client.track({ ...anonymous, event: "Signup Clicked", properties: signup });
    recordSent("identify");
    client.identify({ ...anonymous, userId: person.user, traits });
    recordSent("alias");
    client.alias({ userId: person.user, previousId: person.anonymous, context });
    recordSent("group");
    client.group({ userId: person.user, groupId: person.group, traits: { name: person.name } });
    recordSent("screen:Cart");
    client.screen({ ...known, name: "Cart" });
    track("Product Viewed", steps.product);
    track("Product Added", steps.product);
    track("Cart Viewed", steps.cart);
    track("Checkout Started", steps.checkout);
    track("Order Completed", steps.order);
    track("Order Refunded", steps.refund);
}
