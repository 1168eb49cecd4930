// Sends the visit with @analytics-debugger/ga4mp, which uses the protocol of Google's tag.

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

function step(properties) {
    const { currency } = properties;
    return { currency, value: properties.value ?? properties.price, items: items(properties) };
}

export function start({ host, key, options, person }, recordSent) {
    client = ga4mp(key, {
        endpoint: `${host}/g/collect`,
        client_id: person.device,
        session_id: person.session,
        user_id: person.user,
        user_ip_address: person.address,
        ...options,
    });
    client.setUserProperty("email", person.email);
    client.trackEvent(recordSent("page_view"));
}

export function product({ signup, product }, recordSent) {
    client.trackEvent(recordSent("signup_clicked"), signup);
    client.trackEvent(recordSent("view_item"), step(product));
    client.trackEvent(recordSent("add_to_cart"), step(product));
}

export function checkout({ cart, checkout, order, refund }, recordSent) {
    client.trackEvent(recordSent("view_cart"), step(cart));
    client.trackEvent(recordSent("begin_checkout"), step(checkout));
    client.trackEvent(recordSent("purchase"), {
        ...step(order),
        transaction_id: order.order_id,
        value: order.total,
        tax: order.tax,
        shipping: order.shipping,
        coupon: order.coupon,
    });
    client.trackEvent(recordSent("refund"), {
        ...step(refund),
        transaction_id: refund.order_id,
        value: refund.total,
    });
}

export function leave({ person }, recordSent) {
    client.trackEvent(recordSent("page_left"), { email: person.email });
}
