// Sends the visit with Umami's script, which sends the page view itself.

export async function start(_visit, recordSent) {
    recordSent("pageview");
    await new Promise((done) => addEventListener("load", done));
}

export async function product({ person, signup, product }, recordSent) {
    await umami.track(recordSent("Signup Clicked"), signup);
    recordSent("identify");
    await umami.identify({ id: person.user, email: person.email, name: person.name });
    await umami.track(recordSent("Product Viewed"), product);
    await umami.track(recordSent("Product Added"), product);
}

export async function checkout({ cart, checkout, order, refund }, recordSent) {
    await umami.track(recordSent("Cart Viewed"), cart);
    await umami.track(recordSent("Checkout Started"), checkout);
    await umami.track(recordSent("Order Completed"), { ...order, revenue: order.total });
    await umami.track(recordSent("Order Refunded"), refund);
}

export function leave({ person }, recordSent) {
    umami.track(recordSent("Page Left"), { email: person.email });
}
