// Sends the visit with @rudderstack/analytics-js.

let client;

export async function start({ host, key, options, person, page }, recordSent) {
    // The global contains the exports; the client is one of them.
    client = new rudderanalytics.RudderAnalytics();
    client.load(key, host, { configUrl: host, logLevel: "NONE", ...options });
    recordSent("page:Blue Mug");
    client.page("Shop", "Blue Mug", { email: person.email, referrer: page.referrer });
    await new Promise((done) => client.ready(done));
}

export function product({ person, signup, product }, recordSent) {
    const traits = { email: person.email, name: person.name, phone: person.phone };
    const options = { context: { ip: person.address, device: { id: person.device }, traits } };
    const track = (event, properties) => {
        recordSent(`track:${event}`);
        client.track(event, properties, options);
    };
    track("Signup Clicked", signup);
    recordSent("identify");
    client.identify(person.user, traits);
    recordSent("alias");
    client.alias(person.user, person.anonymous);
    recordSent("group");
    client.group(person.group, { name: person.name });
    track("Product Viewed", product);
    track("Product Added", product);
}

export function checkout({ cart, checkout, order, refund }, recordSent) {
    for (const [event, properties] of [
        ["Cart Viewed", cart],
        ["Checkout Started", checkout],
        ["Order Completed", order],
        ["Order Refunded", refund],
    ]) {
        recordSent(`track:${event}`);
        client.track(event, properties);
    }
}

export function leave({ person }, recordSent) {
    recordSent("track:Page Left");
    client.track("Page Left", { email: person.email });
}
