/** The names whose meaning Millpond's reports know, and Medusa's spellings of them. */

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

/** Return the name under which Millpond keeps an event. */
export function canonicalName(event: string): string {
  return Object.hasOwn(SPELLINGS, event) ? (SPELLINGS[event] as string) : event;
}

/** Whether reports know what an event of this name means. */
export function isCommerce(name: string): name is CommerceName {
  return (COMMERCE as readonly string[]).includes(name);
}
