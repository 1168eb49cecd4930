/** `payment.refunded`: the refunded amount, in part or in full. */

import { reportMovements } from "./movements";
import { type Heard, subscribed } from "./shop";

export default async function millpondPaymentRefunded(heard: Heard): Promise<void> {
  await reportMovements(heard, "refunds", "order_refunded", "refund");
}

export const config = subscribed("payment-refunded", "payment.refunded");
