/** `payment.captured`: the captured amount, in part or in full. */

import { reportMovements } from "./movements";
import { type Heard, subscribed } from "./shop";

export default async function millpondPaymentCaptured(heard: Heard): Promise<void> {
  await reportMovements(heard, "captures", "payment_completed", "value");
}

export const config = subscribed("payment-captured", "payment.captured");
