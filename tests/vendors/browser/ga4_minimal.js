// Sends the visit with @minimal-analytics/ga4, which supports no orders and no persons.

let send;

export function start({ host, key, options }, recordSent) {
    window.minimalAnalytics = { trackingId: key, analyticsEndpoint: `${host}/g/collect` };
    const { track } = window;
    send = (event, properties) => {
        const simple = Object.entries(properties).filter(([, value]) => typeof value !== "object");
        const parameters = simple.map(([name, value]) => [
            typeof value === "number" ? `epn.${name}` : `ep.${name}`,
            value,
        ]);
        track(key, {
            type: recordSent(event),
            event: Object.fromEntries(parameters),
            ...options,
        });
    };
    send("page_view", {});
}

export function product({ person, signup, product }, recordSent) {
    send("signup_clicked", { ...signup, user_id: person.user, email: person.email });
    send("view_item", product);
    send("add_to_cart", product);
}

export function checkout({ cart, checkout, order, refund }) {
    send("view_cart", cart);
    send("begin_checkout", checkout);
    send("purchase", { ...order, transaction_id: order.order_id, value: order.total });
    send("refund", { ...refund, transaction_id: refund.order_id });
}

export function leave({ person }) {
    send("page_left", { email: person.email });
}
