/**
 * `cart.created`, `cart.updated`: what is in the cart.
 *
 * Medusa says `cart.updated` for an address or a shipping method too. What counts here is
 * another content: the same lines in the same cart are one message.
 */

import { type Heard, LINE, load, of, report, subscribed, TOTALS, visitOf } from "./shop";

const FIELDS = [
  ...["id", "customer_id", "currency_code", "metadata"],
  ...TOTALS,
  ...of("items", LINE),
];

export default async function millpondCartUpdated(heard: Heard & { event: { name?: string } }): Promise<void> {
  const cart = await load(heard, "cart", FIELDS);
  // Storefronts open carts before anything is in them; that is nobody's decision.
  if (!cart || (heard.event.name === "cart.created" && !cart.items?.length)) return;
  const { id, ...content } = cart;
  await report(heard, {
    name: "cart_updated",
    once: [id, JSON.stringify(lines(cart.items ?? []))],
    actor: cart.customer_id,
    visit: visitOf(cart),
    order: { ...content, cart: id },
  });
}

function lines(items: readonly Record<string, unknown>[]): unknown {
  return items.map((item) => LINE.map((name) => item[name])).map((line) => JSON.stringify(line)).sort();
}

export const config = subscribed("cart-updated", "cart.created", "cart.updated");
