// Sends the visit with @plausible-analytics/tracker, or with the older plausible-tracker.

let track;

export async function start({ host, key, options, file }, recordSent) {
    const client = await import(file);
    recordSent("pageview");
    if (client.init) {
        client.init({ domain: key, endpoint: `${host}/api/event`, ...options });
        track = client.track;
        return;
    }
    const old = client.default({ domain: key, apiHost: host, ...options });
    track = old.trackEvent;
    old.trackPageview();
}

// The client accepts only strings as properties.
function props(properties) {
    const pairs = Object.entries(properties).filter(([, value]) => typeof value !== "object");
    return Object.fromEntries(pairs.map(([name, value]) => [name, String(value)]));
}

export function product({ person, signup, product }, recordSent) {
    track(recordSent("Signup Clicked"), { props: props({ ...signup, user: person.user }) });
    track(recordSent("Product Viewed"), { props: props(product) });
    track(recordSent("Product Added"), { props: props(product) });
}

export function checkout({ cart, checkout, order, refund }, recordSent) {
    track(recordSent("Cart Viewed"), { props: props(cart) });
    track(recordSent("Checkout Started"), { props: props(checkout) });
    track(recordSent("Order Completed"), {
        props: props(order),
        revenue: { amount: order.total, currency: order.currency },
    });
    track(recordSent("Order Refunded"), { props: props(refund) });
}

export function leave({ person }, recordSent) {
    track(recordSent("Page Left"), { props: { email: person.email } });
}
