/** Millpond's own event, as docs/http.md of Millpond describes it. */

export interface NativeLine {
  product: string;
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
  /** Tells a repeated message from a new one; it is stored only as a keyed hash. */
  id: string;
  at: string;
  actor?: string;
  props?: Record<string, string | number | boolean>;
  order?: NativeOrder;
  /** What the storefront got from Millpond, to count the event for that visitor. */
  visit?: string;
}
