// Sends the visit with posthog-js.

let client;

export async function start({ host, key, options, person, file }, recordSent) {
    // The oldest version has only this default export.
    client = (await import(file)).default;
    client.init(key, {
        api_host: host,
        // A test waits for queued events.
        request_queue_config: { flush_interval_ms: 250 },
        ...options,
        loaded: (posthog) => posthog.register({ super: person.email, $ip: person.address }),
    });
    recordSent("$pageview");
}

export function product({ person, signup, product, page }, recordSent) {
    client.capture(recordSent("Signup Clicked"), signup);
    recordSent("$identify");
    client.identify(person.user, { email: person.email, name: person.name, phone: person.phone });
    recordSent("$create_alias");
    client.alias(person.anonymous, person.user);
    recordSent("$groupidentify");
    client.group("company", person.group, { name: person.name });
    client.capture(recordSent("Product Viewed"), { ...product, $referrer: page.referrer });
    client.capture(recordSent("Product Added"), product);
}

export function checkout({ cart, checkout, order, refund }, recordSent) {
    client.capture(recordSent("Cart Viewed"), cart);
    client.capture(recordSent("Checkout Started"), checkout);
    client.capture(recordSent("Order Completed"), order);
    client.capture(recordSent("Order Refunded"), refund);
}

export function leave({ person }, recordSent) {
    client.capture(recordSent("Page Left"), { email: person.email });
}
