// Sends the visit with mixpanel-browser.

export function start({ host, key, options, person }, recordSent) {
    mixpanel.init(key, {
        api_host: host,
        persistence: "localStorage",
        batch_flush_interval_ms: 250,
        ...options,
    });
    mixpanel.register({ super: person.email, ip: person.address, $city: person.name });
    mixpanel.track(recordSent("Page View"), { title: document.title });
}

export function product({ person, signup, product }, recordSent) {
    mixpanel.track(recordSent("Signup Clicked"), signup);
    recordSent("$identify");
    mixpanel.identify(person.user);
    recordSent("engage:$set");
    mixpanel.people.set({ $email: person.email, $name: person.name, $phone: person.phone });
    recordSent("engage:$set");
    mixpanel.set_group("company", person.group);
    recordSent("groups:$set");
    mixpanel.get_group("company", person.group).set({ name: person.name });
    mixpanel.track(recordSent("Product Viewed"), product);
    mixpanel.track(recordSent("Product Added"), product);
}

export function checkout({ cart, checkout, order, refund }, recordSent) {
    mixpanel.track(recordSent("Cart Viewed"), cart);
    mixpanel.track(recordSent("Checkout Started"), checkout);
    mixpanel.track(recordSent("Order Completed"), order);
    mixpanel.track(recordSent("Order Refunded"), refund);
}

export async function leave({ person }, recordSent) {
    // As a tab closes, this client sends nothing while its last request has no answer:
    // it stores the event for the next page, and this visit has none.
    const sender = mixpanel.request_batchers?.events;
    while (sender?.requestInProgress) await new Promise((done) => setTimeout(done, 10));
    mixpanel.track(recordSent("Page Left"), { email: person.email });
}
