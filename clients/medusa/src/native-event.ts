/** Millpond's native event; docs/http.md in Millpond's repository describes it. */

export interface NativeLine {
  product: string;
  sku?: string;
  variant?: string;
  quantity: number;
  price?: string;
}

export interface NativeOrder {
  id?: string;
  cart?: string;
  currency?: string;
  value?: string;
  tax?: string;
  shipping?: string;
  refund?: string;
  coupon?: string;
  items?: NativeLine[];
}

export interface NativeEvent {
  site: string;
  name: string;
  /** Identifies repeated messages; Millpond stores only a keyed hash of it. */
  id: string;
  at: string;
  actor?: string;
  props?: Record<string, string | number | boolean>;
  order?: NativeOrder;
  /** A token that the storefront got from Millpond: the event counts for that visitor. */
  visit?: string;
}
