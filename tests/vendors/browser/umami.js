// The visit, told to Umami's script, which counts the page view itself.

export async function start(_visit, hand) {
    hand("pageview");
    await new Promise((done) => addEventListener("load", done));
}

export async function product({ who, signup, product }, hand) {
    await umami.track(hand("Signup Clicked"), signup);
    hand("identify");
    await umami.identify({ id: who.user, email: who.email, name: who.name });
    await umami.track(hand("Product Viewed"), product);
    await umami.track(hand("Product Added"), product);
}

export async function checkout({ cart, checkout, order, refund }, hand) {
    await umami.track(hand("Cart Viewed"), cart);
    await umami.track(hand("Checkout Started"), checkout);
    await umami.track(hand("Order Completed"), { ...order, revenue: order.total });
    await umami.track(hand("Order Refunded"), refund);
}

export function leave({ who }, hand) {
    umami.track(hand("Page Left"), { email: who.email });
}
