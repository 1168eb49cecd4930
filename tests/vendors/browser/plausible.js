// The visit, told to @plausible-analytics/tracker or plausible-tracker before it.

let track;

export async function start({ host, key, options, file }, hand) {
    const client = await import(file);
    hand("pageview");
    if (client.init) {
        client.init({ domain: key, endpoint: `${host}/api/event`, ...options });
        track = client.track;
        return;
    }
    const old = client.default({ domain: key, apiHost: host, ...options });
    track = old.trackEvent;
    old.trackPageview();
}

// Its properties are texts.
function props(told) {
    const pairs = Object.entries(told).filter(([, value]) => typeof value !== "object");
    return Object.fromEntries(pairs.map(([name, value]) => [name, String(value)]));
}

export function product({ who, signup, product }, hand) {
    track(hand("Signup Clicked"), { props: props({ ...signup, user: who.user }) });
    track(hand("Product Viewed"), { props: props(product) });
    track(hand("Product Added"), { props: props(product) });
}

export function checkout({ cart, checkout, order, refund }, hand) {
    track(hand("Cart Viewed"), { props: props(cart) });
    track(hand("Checkout Started"), { props: props(checkout) });
    track(hand("Order Completed"), {
        props: props(order),
        revenue: { amount: order.total, currency: order.currency },
    });
    track(hand("Order Refunded"), { props: props(refund) });
}

export function leave({ who }, hand) {
    track(hand("Page Left"), { props: { email: who.email } });
}
