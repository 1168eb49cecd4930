/**
 * Reads the order of an event from the properties of a `track` call.
 *
 * Each field has several names, because a shop may have subscribers for other tools.
 */

import { decimal, isAmount, product } from "./decimal";
import type { CommerceName } from "./names";
import type { NativeLine, NativeOrder } from "./native-event";

export type Properties = Readonly<Record<string, unknown>>;

/** An unreadable amount. The event is not sent, because its sum would be wrong. */
export class UnreadableAmount extends Error {
  constructor(readonly field: string) {
    super(`${field} is not an amount`);
  }
}

/** The product of a line without one. */
const NO_PRODUCT = "custom";
/** The lines that Millpond reads. It stores the first 200, and the others as one line of their sum. */
export const MOST_LINES = 2_000;
const LONGEST_TEXT = 200;

const AMOUNTS = {
  value: ["total", "value", "revenue"],
  tax: ["tax_total", "tax"],
  shipping: ["shipping_total", "shipping"],
  refund: ["refund", "refund_amount"],
} as const;

// The meaning of `id` and `amount` in events where they can have only one meaning.
const SHORT_NAMES: Partial<Record<CommerceName, { id?: "id" | "cart"; amount?: keyof NativeOrder }>> = {
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

// A handle comes before an id: people can read it in reports, and page URLs contain it.
const PRODUCT = ["product", "product_handle", "handle", "product_id"];
// Stored instead of the product if the site says product_id = "sku".
const SKU = ["variant_sku", "sku"];

/** The properties that are read into the order and not sent as properties. */
export const ORDER_PROPERTIES: ReadonlySet<string> = new Set([
  ...Object.values(AMOUNTS).flat(),
  ...Object.values(TEXTS).flat(),
  ...["id", "amount", "items", "products", "order"],
]);

/** Return the order of an event, undefined if its properties hold none. */
export function orderOf(name: CommerceName, properties: Properties): NativeOrder | undefined {
  const source = isObject(properties.order) ? { ...properties, ...properties.order } : properties;
  if (name === "customer_registered") return undefined;
  const shortNames = SHORT_NAMES[name] ?? {};
  const order: NativeOrder = {};
  const nestedId = isObject(properties.order) ? properties.order.id : undefined;
  set(order, "id", text(nestedId) ?? firstText(source, TEXTS.id));
  set(order, "cart", firstText(source, TEXTS.cart));
  if (shortNames.id) set(order, shortNames.id, order[shortNames.id] ?? text(source.id));
  set(order, "currency", firstText(source, TEXTS.currency));
  set(order, "coupon", firstText(source, TEXTS.coupon));
  for (const [field, names] of Object.entries(AMOUNTS)) {
    const shortName = shortNames.amount === field ? ["amount"] : [];
    set(order, field as keyof typeof AMOUNTS, firstAmount(source, [field, ...names, ...shortName]));
  }
  set(order, "items", lines(source.items ?? source.products ?? viewedProduct(name, source)));
  return Object.keys(order).length ? order : undefined;
}

/** Set a field, unless *value* is undefined. */
function set<Key extends keyof NativeOrder>(
  order: NativeOrder,
  field: Key,
  value: NativeOrder[Key] | undefined
): void {
  if (value !== undefined) order[field] = value;
}

/** Return the product of a product_viewed event, whose properties are the product's fields. */
function viewedProduct(name: CommerceName, source: Properties): Properties[] | undefined {
  if (name !== "product_viewed" || firstText(source, PRODUCT) === undefined) return undefined;
  return [{ ...source, quantity: 1 }];
}

function lines(items: unknown): NativeLine[] | undefined {
  if (!Array.isArray(items)) return undefined;
  const nativeLines = items.filter(isObject).slice(0, MOST_LINES).map(line);
  return nativeLines.length ? nativeLines : undefined;
}

function line(item: Properties): NativeLine {
  const quantity = firstAmount(item, ["quantity"]) ?? "1";
  const price = firstAmount(item, ["unit_price", "price"]);
  const variant = firstText(item, ["variant", "variant_sku", "sku", "variant_id"]);
  const sku = firstText(item, SKU);
  return {
    product: firstText(item, PRODUCT) ?? variant ?? NO_PRODUCT,
    ...(sku !== undefined && { sku }),
    ...(variant !== undefined && { variant }),
    ...quantityAndPrice(quantity, price),
  };
}

/** Return quantity and price; a fractional quantity becomes one piece at the line's price. */
function quantityAndPrice(
  quantity: string,
  price: string | undefined
): Pick<NativeLine, "quantity" | "price"> {
  if (quantity.includes("."))
    return { quantity: 1, ...(price !== undefined && { price: product(price, quantity) }) };
  return { quantity: Number(quantity), ...(price !== undefined && { price }) };
}

/** Return the first amount that is present; Medusa's raw value before its rounded one. */
function firstAmount(source: Properties, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = [source[`raw_${name}`], source[name]].find(isAmount);
    if (value === undefined) continue;
    const exact = decimal(value);
    if (exact === undefined) throw new UnreadableAmount(name);
    return exact;
  }
  return undefined;
}

function firstText(source: Properties, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = text(source[name]);
    if (value !== undefined) return value;
  }
  return undefined;
}

function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value && value.length <= LONGEST_TEXT ? value : undefined;
}

function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
