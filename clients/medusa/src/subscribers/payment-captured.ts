/** `payment.captured`: the captured amount, partial or full. */

import { reportMovements } from "./movements";
import { type SubscriberArguments, subscriberConfig } from "./shop";

export default async function millpondPaymentCaptured(args: SubscriberArguments): Promise<void> {
  await reportMovements(args, "captures", "payment_completed", "value");
}

export const config = subscriberConfig("payment-captured", "payment.captured");
