// The visit, told to @segment/analytics-next.

let client;

export async function start({ host, key, options, who, page }, hand) {
    const { protocol, host: name, pathname } = new URL(host);
    const collector = { apiHost: `${name}${pathname}/v1`, protocol: protocol.slice(0, -1) };
    const { cdnOnly, ...more } = options;
    client = AnalyticsNext.AnalyticsBrowser.load(
        { writeKey: key, cdnURL: host },
        { integrations: cdnOnly ? {} : { "Segment.io": { ...collector, ...more } } },
    );
    hand("page:Blue Mug");
    await client.page("Blue Mug", { email: who.email, referrer: page.referrer });
}

export async function product({ who, signup, product }, hand) {
    const traits = { email: who.email, name: who.name, phone: who.phone };
    const context = { ip: who.address, device: { id: who.device }, traits };
    const track = (event, properties) => {
        hand(`track:${event}`);
        return client.track(event, properties, { context });
    };
    await track("Signup Clicked", signup);
    hand("identify");
    await client.identify(who.user, traits);
    hand("alias");
    await client.alias(who.user, who.anonymous);
    hand("group");
    await client.group(who.group, { name: who.name });
    await track("Product Viewed", product);
    await track("Product Added", product);
}

export async function checkout({ cart, checkout, order, refund }, hand) {
    for (const [event, properties] of [
        ["Cart Viewed", cart],
        ["Checkout Started", checkout],
        ["Order Completed", order],
        ["Order Refunded", refund],
    ]) {
        hand(`track:${event}`);
        await client.track(event, properties);
    }
}

export function leave({ who }, hand) {
    hand("track:Page Left");
    client.track("Page Left", { email: who.email });
}
