/** What the subscribers share: loading what an event is about, and handing it on. */

import type { MedusaContainer } from "@medusajs/framework/types";
import { ContainerRegistrationKeys, Modules } from "@medusajs/framework/utils";

import { MESSAGE_ID, OCCURRED_AT, VISIT } from "../mapping";
import { messageId } from "../message-id";

export type Row = Readonly<Record<string, any>>;

/** An event of Medusa; it holds an id and nothing else worth sending. */
export interface Heard {
  event: { data: { id: string } };
  container: MedusaContainer;
}

/** How the subscriber of a module is known to the event bus. */
export function subscribed(subscriberId: string, ...event: string[]) {
  return { event, context: { subscriberId: `millpond-${subscriberId}` } };
}

/** Load the one row an event is about, undefined where it is gone. */
export async function load(heard: Heard, entity: string, fields: string[]): Promise<Row | undefined> {
  const query = heard.container.resolve(ContainerRegistrationKeys.QUERY);
  const { data } = await query.graph({ entity, fields, filters: { id: heard.event.data.id } });
  return data[0];
}

/** What a subscriber reports. */
export interface Report {
  name: string;
  /** Which occurrence this is: told twice, it counts once. */
  once: string[];
  at?: string | Date;
  actor?: string | null;
  visit?: unknown;
  order?: Row;
}

/** Hand a report to the Analytics Module. */
export async function report(heard: Heard, { name, once, at, actor, visit, order }: Report): Promise<void> {
  const analytics = heard.container.resolve(Modules.ANALYTICS);
  await analytics.track({
    event: name,
    ...(actor ? { actor_id: actor } : {}),
    properties: {
      [MESSAGE_ID]: messageId(name, ...once),
      ...(at && { [OCCURRED_AT]: at }),
      ...(visit ? { [VISIT]: visit } : {}),
      ...(order && { order }),
    },
  });
}

/** Return the visit the storefront left in the metadata of the cart or order. */
export function visitOf(...rows: (Row | null | undefined)[]): unknown {
  return rows.map((row) => row?.metadata?.[VISIT]).find(Boolean);
}

/** The columns of a line of a cart or order that are read; none is about a person. */
export const LINE = [
  "product_handle",
  "product_id",
  "variant_sku",
  "variant_id",
  "quantity",
  "raw_quantity",
  "unit_price",
  "raw_unit_price",
];

/** The totals that are read, with their exact values. */
export const TOTALS = ["total", "tax_total", "shipping_total"].flatMap((name) => [name, `raw_${name}`]);

/** Return *names* as fields of a relation. */
export function of(relation: string, names: readonly string[]): string[] {
  return names.map((name) => `${relation}.${name}`);
}
