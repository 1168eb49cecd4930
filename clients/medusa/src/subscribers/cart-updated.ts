/**
 * `cart.created`, `cart.updated`: the content of the cart.
 *
 * Medusa also emits `cart.updated` when an address or a shipping method changes. Only a
 * change of the lines is a new message: the same lines in the same cart count once.
 */

import { type SubscriberArguments, LINE, load, relationFields, report, subscriberConfig, TOTALS, visitOf } from "./shop";

const FIELDS = [
  ...["id", "customer_id", "currency_code", "metadata"],
  ...TOTALS,
  ...relationFields("items", LINE),
];

export default async function millpondCartUpdated(args: SubscriberArguments & { event: { name?: string } }): Promise<void> {
  const cart = await load(args, "cart", FIELDS);
  // Storefronts create empty carts automatically; no customer did anything yet.
  if (!cart || (args.event.name === "cart.created" && !cart.items?.length)) return;
  const { id, ...content } = cart;
  await report(args, {
    name: "cart_updated",
    occurrence: [id, JSON.stringify(lines(cart.items ?? []))],
    actor: cart.customer_id,
    visit: visitOf(cart),
    order: { ...content, cart: id },
  });
}

function lines(items: readonly Record<string, unknown>[]): unknown {
  return items.map((item) => LINE.map((name) => item[name])).map((line) => JSON.stringify(line)).sort();
}

export const config = subscriberConfig("cart-updated", "cart.created", "cart.updated");
