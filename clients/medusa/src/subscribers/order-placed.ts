/** `order.placed`: the order with its exact totals, lines and first promotion code. */

import { type SubscriberArguments, LINE, load, relationFields, report, subscriberConfig, TOTALS, visitOf } from "./shop";

const FIELDS = [
  ...["id", "created_at", "customer_id", "currency_code", "metadata"],
  ...TOTALS,
  ...relationFields("items", LINE),
  ...["promotions.code", "cart.id", "cart.metadata"],
];

export default async function millpondOrderPlaced(args: SubscriberArguments): Promise<void> {
  const order = await load(args, "order", FIELDS);
  if (!order) return;
  await report(args, {
    name: "order_placed",
    occurrence: [order.id],
    at: order.created_at,
    actor: order.customer_id,
    visit: visitOf(order, order.cart),
    order: { ...order, cart: order.cart?.id, coupon: order.promotions?.[0]?.code },
  });
}

export const config = subscriberConfig("order-placed", "order.placed");
