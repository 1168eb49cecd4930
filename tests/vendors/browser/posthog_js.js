// The visit, told to posthog-js.

let client;

export async function start({ host, key, options, who, file }, hand) {
    // The oldest version knows no default export but this one.
    client = (await import(file)).default;
    client.init(key, {
        api_host: host,
        // A test waits for what is queued.
        request_queue_config: { flush_interval_ms: 250 },
        ...options,
        loaded: (posthog) => posthog.register({ super: who.email, $ip: who.address }),
    });
    hand("$pageview");
}

export function product({ who, signup, product, page }, hand) {
    client.capture(hand("Signup Clicked"), signup);
    hand("$identify");
    client.identify(who.user, { email: who.email, name: who.name, phone: who.phone });
    hand("$create_alias");
    client.alias(who.anonymous, who.user);
    hand("$groupidentify");
    client.group("company", who.group, { name: who.name });
    client.capture(hand("Product Viewed"), { ...product, $referrer: page.referrer });
    client.capture(hand("Product Added"), product);
}

export function checkout({ cart, checkout, order, refund }, hand) {
    client.capture(hand("Cart Viewed"), cart);
    client.capture(hand("Checkout Started"), checkout);
    client.capture(hand("Order Completed"), order);
    client.capture(hand("Order Refunded"), refund);
}

export function leave({ who }, hand) {
    client.capture(hand("Page Left"), { email: who.email });
}
