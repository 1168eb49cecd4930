/** Captures and refunds of a payment: each is one message, even if reported repeatedly. */

import { type SubscriberArguments, load, report, type Report, type Row, visitOf } from "./shop";

// Medusa's event names the payment, not the capture or refund. So all of the last day are
// reported again; Millpond recognizes their message ids. Older ones are not reported.
const RECENT_MS = 86_400_000;

const FIELDS = [
  ...["id", "currency_code", "payment_collection.id"],
  ...["payment_collection.order.id", "payment_collection.order.customer_id", "payment_collection.order.metadata"],
  ...["payment_collection.cart.id", "payment_collection.cart.customer_id", "payment_collection.cart.metadata"],
];
const MOVEMENT = ["id", "amount", "raw_amount", "created_at"];

/** Report a payment's recent captures or refunds as *name*, with the amount as *field*. */
export async function reportMovements(
  args: SubscriberArguments,
  kind: "captures" | "refunds",
  name: string,
  field: "value" | "refund",
  now = Date.now()
): Promise<void> {
  const payment = await load(args, "payment", [...FIELDS, ...MOVEMENT.map((column) => `${kind}.${column}`)]);
  if (!payment) return;
  const origin = originOf(payment);
  for (const movement of recent(payment[kind] ?? [], now)) {
    const amount = movement.raw_amount ?? movement.amount;
    await report(args, {
      ...origin,
      name,
      occurrence: [movement.id],
      at: movement.created_at,
      order: { ...origin.order, [field]: amount },
    });
  }
}

/** Return the facts about the payment's order, or its cart if there is no order yet. */
function originOf(payment: Row): Pick<Report, "actor" | "visit" | "order"> {
  const { order, cart } = payment.payment_collection ?? {};
  return {
    actor: order?.customer_id ?? cart?.customer_id,
    visit: visitOf(order, cart),
    order: { id: order?.id, cart: cart?.id, currency: payment.currency_code },
  };
}

function recent(movements: readonly Row[], now: number): Row[] {
  const newest = Math.max(...movements.map(createdAt));
  const earliest = Math.min(newest, now - RECENT_MS);
  return movements.filter((movement) => createdAt(movement) >= earliest);
}

function createdAt(movement: Row): number {
  return new Date(movement.created_at).getTime();
}
