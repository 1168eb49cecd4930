/**
 * `cart.updated`, once a cart has a delivery or billing address: checkout has started.
 *
 * Medusa has no event for the start of a checkout. This code only checks that there is an
 * address and sends nothing from it. Later updates of the same cart are the same message.
 */

import { type SubscriberArguments, LINE, load, relationFields, report, subscriberConfig, TOTALS, visitOf } from "./shop";

const FIELDS = [
  ...["id", "customer_id", "currency_code", "metadata"],
  ...TOTALS,
  ...relationFields("items", LINE),
  // Not the country: Medusa itself sets it if the region has only one.
  ...["shipping_address.address_1", "billing_address.address_1"],
];

export default async function millpondCheckoutStarted(args: SubscriberArguments): Promise<void> {
  const cart = await load(args, "cart", FIELDS);
  if (!cart || !cart.items?.length) return;
  const { id, shipping_address: shipping, billing_address: billing, ...content } = cart;
  if (!shipping?.address_1 && !billing?.address_1) return;
  await report(args, {
    name: "checkout_started",
    occurrence: [id],
    actor: cart.customer_id,
    visit: visitOf(cart),
    order: { ...content, cart: id },
  });
}

export const config = subscriberConfig("checkout-started", "cart.updated");
