/** `payment.refunded`: the refunded amount, partial or full. */

import { reportMovements } from "./movements";
import { type SubscriberArguments, subscriberConfig } from "./shop";

export default async function millpondPaymentRefunded(args: SubscriberArguments): Promise<void> {
  await reportMovements(args, "refunds", "order_refunded", "refund");
}

export const config = subscriberConfig("payment-refunded", "payment.refunded");
