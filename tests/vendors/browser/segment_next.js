// Sends the visit with @segment/analytics-next.

let client;

export async function start({ host, key, options, person, page }, recordSent) {
    const { protocol, host: name, pathname } = new URL(host);
    const collector = { apiHost: `${name}${pathname}/v1`, protocol: protocol.slice(0, -1) };
    const { cdnOnly, ...more } = options;
    client = AnalyticsNext.AnalyticsBrowser.load(
        { writeKey: key, cdnURL: host },
        { integrations: cdnOnly ? {} : { "Segment.io": { ...collector, ...more } } },
    );
    recordSent("page:Blue Mug");
    await client.page("Blue Mug", { email: person.email, referrer: page.referrer });
}

export async function product({ person, signup, product }, recordSent) {
    const traits = { email: person.email, name: person.name, phone: person.phone };
    const context = { ip: person.address, device: { id: person.device }, traits };
    const track = (event, properties) => {
        recordSent(`track:${event}`);
        return client.track(event, properties, { context });
    };
    await track("Signup Clicked", signup);
    recordSent("identify");
    await client.identify(person.user, traits);
    recordSent("alias");
    await client.alias(person.user, person.anonymous);
    recordSent("group");
    await client.group(person.group, { name: person.name });
    await track("Product Viewed", product);
    await track("Product Added", product);
}

export async function checkout({ cart, checkout, order, refund }, recordSent) {
    for (const [event, properties] of [
        ["Cart Viewed", cart],
        ["Checkout Started", checkout],
        ["Order Completed", order],
        ["Order Refunded", refund],
    ]) {
        recordSent(`track:${event}`);
        await client.track(event, properties);
    }
}

export function leave({ person }, recordSent) {
    recordSent("track:Page Left");
    client.track("Page Left", { email: person.email });
}
