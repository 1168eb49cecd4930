/**
 * The order object of an event, read from the properties of a `track` call.
 *
 * Each field has several names, because shops have subscribers written for other tools.
 */

import { decimal, isAmount, product } from "./decimal";
import type { CommerceName } from "./names";
import type { NativeLine, NativeOrder } from "./native-event";

export type Properties = Readonly<Record<string, unknown>>;

/** An amount that cannot be read; the event must not go out with a wrong sum. */
export class UnreadableAmount extends Error {
  constructor(readonly field: string) {
    super(`${field} is not an amount`);
  }
}

/** A line of no known product: an order with a line that names none is refused whole. */
const UNNAMED = "custom";
/** As many as Millpond takes. */
export const MOST_LINES = 200;
const LONGEST = 200;

const AMOUNTS = {
  value: ["total", "value", "revenue"],
  tax: ["tax_total", "tax"],
  shipping: ["shipping_total", "shipping"],
  refund: ["refund", "refund_amount"],
} as const;

// What an id or an amount without a further word is, where there is one meaning only.
const BARE: Partial<Record<CommerceName, { id?: "id" | "cart"; amount?: keyof NativeOrder }>> = {
  order_placed: { id: "id" },
  cart_updated: { id: "cart" },
  checkout_started: { id: "cart" },
  payment_completed: { amount: "value" },
  order_refunded: { amount: "refund" },
};

const TEXTS = {
  id: ["order_id"],
  cart: ["cart_id", "cart"],
  currency: ["currency_code", "currency"],
  coupon: ["coupon", "coupon_code"],
} as const;

// A handle can be read in a report and stands in the page's address; an id cannot.
const PRODUCT = ["product", "product_handle", "handle", "product_id"];

/** The properties that are read for the order and are no properties any more. */
export const ORDER_PROPERTIES: ReadonlySet<string> = new Set([
  ...Object.values(AMOUNTS).flat(),
  ...Object.values(TEXTS).flat(),
  ...["id", "amount", "items", "products", "order"],
]);

/** Return the order of an event, undefined where its properties hold none. */
export function orderOf(name: CommerceName, properties: Properties): NativeOrder | undefined {
  const source = isObject(properties.order) ? { ...properties, ...properties.order } : properties;
  if (name === "customer_registered") return undefined;
  const bare = BARE[name] ?? {};
  const order: NativeOrder = {};
  const nested = isObject(properties.order) ? properties.order.id : undefined;
  set(order, "id", text(nested) ?? first(source, TEXTS.id));
  set(order, "cart", first(source, TEXTS.cart));
  if (bare.id) set(order, bare.id, order[bare.id] ?? text(source.id));
  set(order, "currency", first(source, TEXTS.currency));
  set(order, "coupon", first(source, TEXTS.coupon));
  for (const [field, names] of Object.entries(AMOUNTS)) {
    const more = bare.amount === field ? ["amount"] : [];
    set(order, field as keyof typeof AMOUNTS, amount(source, [field, ...names, ...more]));
  }
  set(order, "items", lines(source.items ?? source.products ?? viewed(name, source)));
  return Object.keys(order).length ? order : undefined;
}

/** Set a field, unless there is nothing to set. */
function set<Key extends keyof NativeOrder>(
  order: NativeOrder,
  field: Key,
  value: NativeOrder[Key] | undefined
): void {
  if (value !== undefined) order[field] = value;
}

/** Return the one product of a view, whose fields stand among the properties. */
function viewed(name: CommerceName, source: Properties): Properties[] | undefined {
  if (name !== "product_viewed" || first(source, PRODUCT) === undefined) return undefined;
  return [{ ...source, quantity: 1 }];
}

function lines(value: unknown): NativeLine[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const found = value.filter(isObject).slice(0, MOST_LINES).map(line);
  return found.length ? found : undefined;
}

function line(item: Properties): NativeLine {
  const quantity = amount(item, ["quantity"]) ?? "1";
  const price = amount(item, ["unit_price", "price"]);
  const variant = first(item, ["variant", "variant_sku", "sku", "variant_id"]);
  const named = first(item, PRODUCT);
  return {
    product: named ?? variant ?? UNNAMED,
    ...(variant !== undefined && { variant }),
    ...pieces(quantity, price),
  };
}

/** Return quantity and price; what is sold by fractions is one piece at the line's price. */
function pieces(quantity: string, price: string | undefined): Pick<NativeLine, "quantity" | "price"> {
  if (quantity.includes("."))
    return { quantity: 1, ...(price !== undefined && { price: product(price, quantity) }) };
  return { quantity: Number(quantity), ...(price !== undefined && { price }) };
}

/** Return the first of the amounts there is, Medusa's raw value before the rounded one. */
function amount(source: Properties, names: readonly string[]): string | undefined {
  for (const name of names) {
    const held = [source[`raw_${name}`], source[name]].find(isAmount);
    if (held === undefined) continue;
    const exact = decimal(held);
    if (exact === undefined) throw new UnreadableAmount(name);
    return exact;
  }
  return undefined;
}

function first(source: Properties, names: readonly string[]): string | undefined {
  for (const name of names) {
    const found = text(source[name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value && value.length <= LONGEST ? value : undefined;
}

function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
