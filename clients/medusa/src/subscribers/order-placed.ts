/** `order.placed`: the order with its exact totals, lines and first promotion code. */

import { type Heard, LINE, load, of, report, subscribed, TOTALS, visitOf } from "./shop";

const FIELDS = [
  ...["id", "created_at", "customer_id", "currency_code", "metadata"],
  ...TOTALS,
  ...of("items", LINE),
  ...["promotions.code", "cart.id", "cart.metadata"],
];

export default async function millpondOrderPlaced(heard: Heard): Promise<void> {
  const order = await load(heard, "order", FIELDS);
  if (!order) return;
  await report(heard, {
    name: "order_placed",
    once: [order.id],
    at: order.created_at,
    actor: order.customer_id,
    visit: visitOf(order, order.cart),
    order: { ...order, cart: order.cart?.id, coupon: order.promotions?.[0]?.code },
  });
}

export const config = subscribed("order-placed", "order.placed");
