// The visit, told to mixpanel-browser.

export function start({ host, key, options, who }, hand) {
    mixpanel.init(key, {
        api_host: host,
        persistence: "localStorage",
        batch_flush_interval_ms: 250,
        ...options,
    });
    mixpanel.register({ super: who.email, ip: who.address, $city: who.name });
    mixpanel.track(hand("Page View"), { title: document.title });
}

export function product({ who, signup, product }, hand) {
    mixpanel.track(hand("Signup Clicked"), signup);
    hand("$identify");
    mixpanel.identify(who.user);
    hand("engage:$set");
    mixpanel.people.set({ $email: who.email, $name: who.name, $phone: who.phone });
    hand("engage:$set");
    mixpanel.set_group("company", who.group);
    hand("groups:$set");
    mixpanel.get_group("company", who.group).set({ name: who.name });
    mixpanel.track(hand("Product Viewed"), product);
    mixpanel.track(hand("Product Added"), product);
}

export function checkout({ cart, checkout, order, refund }, hand) {
    mixpanel.track(hand("Cart Viewed"), cart);
    mixpanel.track(hand("Checkout Started"), checkout);
    mixpanel.track(hand("Order Completed"), order);
    mixpanel.track(hand("Order Refunded"), refund);
}

export async function leave({ who }, hand) {
    // As a tab is closed this client sends nothing while its last request is unanswered:
    // it keeps the event for a next page, which this visit does not have.
    const sender = mixpanel.request_batchers?.events;
    while (sender?.requestInProgress) await new Promise((done) => setTimeout(done, 10));
    mixpanel.track(hand("Page Left"), { email: who.email });
}
