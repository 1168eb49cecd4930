/**
 * `cart.updated`, once a cart has a delivery or billing address: checkout has started.
 *
 * Medusa has no event of its own for it. The address is only looked for; nothing of it
 * goes further. Later updates of the same cart are the same message.
 */

import { type Heard, LINE, load, of, report, subscribed, TOTALS, visitOf } from "./shop";

const FIELDS = [
  ...["id", "customer_id", "currency_code", "metadata"],
  ...TOTALS,
  ...of("items", LINE),
  // A country alone is Medusa's own doing, where a region has but one.
  ...["shipping_address.address_1", "billing_address.address_1"],
];

export default async function millpondCheckoutStarted(heard: Heard): Promise<void> {
  const cart = await load(heard, "cart", FIELDS);
  if (!cart || !cart.items?.length) return;
  const { id, shipping_address: shipping, billing_address: billing, ...content } = cart;
  if (!shipping?.address_1 && !billing?.address_1) return;
  await report(heard, {
    name: "checkout_started",
    once: [id],
    actor: cart.customer_id,
    visit: visitOf(cart),
    order: { ...content, cart: id },
  });
}

export const config = subscribed("checkout-started", "cart.updated");
