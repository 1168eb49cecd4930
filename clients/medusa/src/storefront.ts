/**
 * For the shop's pages, in any framework: no cookie, no storage, no dependency.
 *
 * Nothing in here throws, and nothing is sent for a visitor who objected.
 */

import type { NativeOrder } from "./native-event";

export interface StorefrontSettings {
  /** Where the shop's Millpond answers, with its path prefix if it has one. */
  host: string;
  /** The site's id; without it Millpond finds the site by the page's domain. */
  site?: string;
}

export interface ViewedProduct {
  /** The product's handle, as in the events of orders. */
  product: string;
  /** The variant's SKU, if one is chosen. */
  variant?: string;
  /** Decimal text, so that no cent is lost. */
  price?: string;
  currency?: string;
}

type Tag = (name: string, props?: object, more?: object) => void;

/** Where the visit stands in a cart's metadata. */
export const VISIT_KEY = "millpond_visit";

/** Report that a product's page is seen: through the tag if the page has it, else directly. */
export function productViewed(
  { currency, ...line }: ViewedProduct,
  settings: StorefrontSettings
): void {
  report("product_viewed", { ...(currency && { currency }), items: [{ quantity: 1, ...line }] }, settings);
}

/** Report that checkout begins; an alternative to the subscriber, not a companion. */
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
    // Measuring never stops a page.
  }
}

function post(name: string, order: NativeOrder, { host, site }: StorefrontSettings): void {
  const { origin, pathname, search } = location;
  const event = { site, name, id: crypto.randomUUID?.(), url: origin + pathname + search, order };
  // Plain text needs no preflight.
  void fetch(address(host, "v1/events"), {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: JSON.stringify(event),
    keepalive: true,
    credentials: "omit",
  }).catch(() => undefined);
}

/**
 * Return the visitor's visit, an opaque text that Millpond alone can read, and only today.
 *
 * Undefined where the visitor objected or Millpond is out of reach.
 */
export async function fetchVisit({ host, site }: StorefrontSettings): Promise<string | undefined> {
  try {
    if (typeof window === "undefined" || hasObjected()) return undefined;
    const query = site ? `?site=${encodeURIComponent(site)}` : "";
    const response = await fetch(address(host, "v1/visit") + query, { credentials: "omit" });
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
 * Put the visit into the cart's metadata, so that its order counts for this visitor's visit.
 *
 * *update* is the storefront's own way to change a cart, such as
 * `(body) => sdk.store.cart.update(cart.id, body)`. Returns whether the cart has it now.
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

function address(host: string, path: string): string {
  return `${host.replace(/\/+$/, "")}/${path}`;
}

/** Whether the visitor objected, as on Millpond's own page for it. */
function hasObjected(): boolean {
  return /(^|;\s*)noanalytics=1(;|$)/.test(document.cookie);
}
