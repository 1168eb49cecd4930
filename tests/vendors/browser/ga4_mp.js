// The visit, told to @analytics-debugger/ga4mp, which speaks as Google's tag does.

let client;

function items({ products, ...one }) {
    return (products ?? [one]).map(({ sku, name, category, price, quantity }) => ({
        item_id: sku,
        item_name: name,
        item_category: category,
        price,
        quantity,
    }));
}

function step(told) {
    const { currency } = told;
    return { currency, value: told.value ?? told.price, items: items(told) };
}

export function start({ host, key, options, who }, hand) {
    client = ga4mp(key, {
        endpoint: `${host}/g/collect`,
        client_id: who.device,
        session_id: who.session,
        user_id: who.user,
        user_ip_address: who.address,
        ...options,
    });
    client.setUserProperty("email", who.email);
    client.trackEvent(hand("page_view"));
}

export function product({ signup, product }, hand) {
    client.trackEvent(hand("signup_clicked"), signup);
    client.trackEvent(hand("view_item"), step(product));
    client.trackEvent(hand("add_to_cart"), step(product));
}

export function checkout({ cart, checkout, order, refund }, hand) {
    client.trackEvent(hand("view_cart"), step(cart));
    client.trackEvent(hand("begin_checkout"), step(checkout));
    client.trackEvent(hand("purchase"), {
        ...step(order),
        transaction_id: order.order_id,
        value: order.total,
        tax: order.tax,
        shipping: order.shipping,
        coupon: order.coupon,
    });
    client.trackEvent(hand("refund"), {
        ...step(refund),
        transaction_id: refund.order_id,
        value: refund.total,
    });
}

export function leave({ who }, hand) {
    client.trackEvent(hand("page_left"), { email: who.email });
}
