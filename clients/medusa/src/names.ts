/** The commerce events in Millpond's reports, and Medusa's names for them. */

export const COMMERCE = [
  "product_viewed",
  "cart_updated",
  "checkout_started",
  "payment_completed",
  "order_placed",
  "order_refunded",
  "customer_registered",
] as const;

export type CommerceName = (typeof COMMERCE)[number];

const SPELLINGS: Readonly<Record<string, CommerceName>> = {
  "cart.created": "cart_updated",
  "cart.updated": "cart_updated",
  "payment.captured": "payment_completed",
  "order.placed": "order_placed",
  "payment.refunded": "order_refunded",
  "customer.created": "customer_registered",
};

/** Return the name under which Millpond stores an event. */
export function canonicalName(event: string): string {
  return Object.hasOwn(SPELLINGS, event) ? (SPELLINGS[event] as string) : event;
}

/** Whether *name* is a commerce event in Millpond's reports. */
export function isCommerce(name: string): name is CommerceName {
  return (COMMERCE as readonly string[]).includes(name);
}
