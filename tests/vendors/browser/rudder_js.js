// The visit, told to @rudderstack/analytics-js.

let client;

export async function start({ host, key, options, who, page }, hand) {
    // The global is what is exported; the client is in it.
    client = new rudderanalytics.RudderAnalytics();
    client.load(key, host, { configUrl: host, logLevel: "NONE", ...options });
    hand("page:Blue Mug");
    client.page("Shop", "Blue Mug", { email: who.email, referrer: page.referrer });
    await new Promise((done) => client.ready(done));
}

export function product({ who, signup, product }, hand) {
    const traits = { email: who.email, name: who.name, phone: who.phone };
    const options = { context: { ip: who.address, device: { id: who.device }, traits } };
    const track = (event, properties) => {
        hand(`track:${event}`);
        client.track(event, properties, options);
    };
    track("Signup Clicked", signup);
    hand("identify");
    client.identify(who.user, traits);
    hand("alias");
    client.alias(who.user, who.anonymous);
    hand("group");
    client.group(who.group, { name: who.name });
    track("Product Viewed", product);
    track("Product Added", product);
}

export function checkout({ cart, checkout, order, refund }, hand) {
    for (const [event, properties] of [
        ["Cart Viewed", cart],
        ["Checkout Started", checkout],
        ["Order Completed", order],
        ["Order Refunded", refund],
    ]) {
        hand(`track:${event}`);
        client.track(event, properties);
    }
}

export function leave({ who }, hand) {
    hand("track:Page Left");
    client.track("Page Left", { email: who.email });
}
