/**
 * Functions for the shop's pages, in any framework: no cookies, no storage, no dependencies.
 *
 * No function here throws, and none sends anything for a visitor who objected.
 */

import type { NativeOrder } from "./native-event";

export interface StorefrontSettings {
  /** The URL of the shop's Millpond, with its path prefix if it has one. */
  host: string;
  /** The site's id; without it Millpond finds the site by the page's domain. */
  site?: string;
}

export interface ViewedProduct {
  /** The product's handle, as in order events. */
  product: string;
  /** The variant's SKU, if one is chosen. */
  variant?: string;
  /** Decimal text, so that the price is exact. */
  price?: string;
  currency?: string;
}

type Tag = (name: string, props?: object, more?: object) => void;

/** The key of the visit in a cart's metadata. */
export const VISIT_KEY = "millpond_visit";

/** Report a view of a product's page: with the tag if the page has it, else directly. */
export function productViewed(
  { currency, ...line }: ViewedProduct,
  settings: StorefrontSettings
): void {
  report("product_viewed", { ...(currency && { currency }), items: [{ quantity: 1, ...line }] }, settings);
}

/** Report that checkout starts. Use either this or the subscriber, not both. */
export function checkoutStarted(order: NativeOrder, settings: StorefrontSettings): void {
  report("checkout_started", order, settings);
}

function report(name: string, order: NativeOrder, settings: StorefrontSettings): void {
  try {
    if (typeof window === "undefined" || hasObjected()) return;
    const tag = (window as { millpond?: Tag }).millpond;
    if (typeof tag === "function") tag(name, {}, { order });
    else post(name, order, settings);
  } catch {
    // An error in analytics must not break the page.
  }
}

function post(name: string, order: NativeOrder, { host, site }: StorefrontSettings): void {
  const { origin, pathname, search } = location;
  const event = { site, name, id: crypto.randomUUID?.(), url: origin + pathname + search, order };
  // A plain text body needs no preflight request.
  void fetch(urlOf(host, "v1/events"), {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: JSON.stringify(event),
    keepalive: true,
    credentials: "omit",
  }).catch(() => undefined);
}

/**
 * Return the visitor's visit: opaque text that only Millpond can read, and only today.
 *
 * Undefined if the visitor objected or Millpond is unreachable.
 */
export async function fetchVisit({ host, site }: StorefrontSettings): Promise<string | undefined> {
  try {
    if (typeof window === "undefined" || hasObjected()) return undefined;
    const query = site ? `?site=${encodeURIComponent(site)}` : "";
    const response = await fetch(urlOf(host, "v1/visit") + query, { credentials: "omit" });
    const { visit } = response.ok ? await response.json() : { visit: undefined };
    return typeof visit === "string" && visit ? visit : undefined;
  } catch {
    return undefined;
  }
}

interface Cart {
  metadata?: Record<string, unknown> | null;
}

/**
 * Store the visit in the cart's metadata, so that its order counts for this visit.
 *
 * *update* is the storefront's function to change a cart, such as
 * `(body) => sdk.store.cart.update(cart.id, body)`. Returns whether the visit was stored.
 */
export async function keepVisit(
  cart: Cart,
  update: (body: { metadata: Record<string, unknown> }) => Promise<unknown>,
  settings: StorefrontSettings
): Promise<boolean> {
  const visit = await fetchVisit(settings);
  if (!visit) return false;
  try {
    await update({ metadata: { ...cart.metadata, [VISIT_KEY]: visit } });
    return true;
  } catch {
    return false;
  }
}

function urlOf(host: string, path: string): string {
  return `${host.replace(/\/+$/, "")}/${path}`;
}

/** Whether the visitor objected, for example on Millpond's opt-out page. */
function hasObjected(): boolean {
  return /(^|;\s*)noanalytics=1(;|$)/.test(document.cookie);
}
