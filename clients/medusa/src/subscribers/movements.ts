/** Captures and refunds of a payment: each is one message, however often it is told. */

import { type Heard, load, report, type Report, type Row, visitOf } from "./shop";

// Medusa names the payment, not the capture or refund. Those of the last day are told
// again, since Millpond knows a message id for longer than that; older ones are not.
const RECENT_MS = 86_400_000;

const FIELDS = [
  ...["id", "currency_code", "payment_collection.id"],
  ...["payment_collection.order.id", "payment_collection.order.customer_id", "payment_collection.order.metadata"],
  ...["payment_collection.cart.id", "payment_collection.cart.customer_id", "payment_collection.cart.metadata"],
];
const MOVEMENT = ["id", "amount", "raw_amount", "created_at"];

/** Report the recent *kind* of a payment under *name*, each with its amount as *field*. */
export async function reportMovements(
  heard: Heard,
  kind: "captures" | "refunds",
  name: string,
  field: "value" | "refund",
  now = Date.now()
): Promise<void> {
  const payment = await load(heard, "payment", [...FIELDS, ...MOVEMENT.map((column) => `${kind}.${column}`)]);
  if (!payment) return;
  const about = origin(payment);
  for (const movement of recent(payment[kind] ?? [], now)) {
    const amount = movement.raw_amount ?? movement.amount;
    await report(heard, {
      ...about,
      name,
      once: [movement.id],
      at: movement.created_at,
      order: { ...about.order, [field]: amount },
    });
  }
}

/** Return what is known of the order, or of the cart while there is no order yet. */
function origin(payment: Row): Pick<Report, "actor" | "visit" | "order"> {
  const { order, cart } = payment.payment_collection ?? {};
  return {
    actor: order?.customer_id ?? cart?.customer_id,
    visit: visitOf(order, cart),
    order: { id: order?.id, cart: cart?.id, currency: payment.currency_code },
  };
}

function recent(movements: readonly Row[], now: number): Row[] {
  const newest = Math.max(...movements.map(madeAt));
  return movements.filter((each) => madeAt(each) >= Math.min(newest, now - RECENT_MS));
}

function madeAt(movement: Row): number {
  return new Date(movement.created_at).getTime();
}
