/** Shared code of the subscribers: load the entity of an event, and report the event. */

import type { MedusaContainer } from "@medusajs/framework/types";
import { ContainerRegistrationKeys, Modules } from "@medusajs/framework/utils";

import { MESSAGE_ID, OCCURRED_AT, VISIT } from "../mapping";
import { messageId } from "../message-id";

export type Row = Readonly<Record<string, any>>;

/** The arguments of a Medusa subscriber; the event holds only the id of an entity. */
export interface SubscriberArguments {
  event: { data: { id: string } };
  container: MedusaContainer;
}

/** Return a subscriber's configuration for the event bus. */
export function subscriberConfig(subscriberId: string, ...event: string[]) {
  return { event, context: { subscriberId: `millpond-${subscriberId}` } };
}

/** Load the entity of an event, undefined if it no longer exists. */
export async function load(
  { event, container }: SubscriberArguments,
  entity: string,
  fields: string[]
): Promise<Row | undefined> {
  const query = container.resolve(ContainerRegistrationKeys.QUERY);
  const { data } = await query.graph({ entity, fields, filters: { id: event.data.id } });
  return data[0];
}

/** A subscriber's report of one event. */
export interface Report {
  name: string;
  /** Identifies the occurrence: if it is reported twice, it counts once. */
  occurrence: string[];
  at?: string | Date;
  actor?: string | null;
  visit?: unknown;
  order?: Row;
}

/** Send a report to the Analytics Module. */
export async function report(
  { container }: SubscriberArguments,
  { name, occurrence, at, actor, visit, order }: Report
): Promise<void> {
  const analytics = container.resolve(Modules.ANALYTICS);
  await analytics.track({
    event: name,
    ...(actor ? { actor_id: actor } : {}),
    properties: {
      [MESSAGE_ID]: messageId(name, ...occurrence),
      ...(at && { [OCCURRED_AT]: at }),
      ...(visit ? { [VISIT]: visit } : {}),
      ...(order && { order }),
    },
  });
}

/** Return the visit that the storefront stored in the metadata of the cart or order. */
export function visitOf(...rows: (Row | null | undefined)[]): unknown {
  return rows.map((row) => row?.metadata?.[VISIT]).find(Boolean);
}

/** The fields of a cart's or order's lines that are loaded; none is personal. */
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

/** The totals that are loaded, with their exact raw values. */
export const TOTALS = ["total", "tax_total", "shipping_total"].flatMap((name) => [name, `raw_${name}`]);

/** Return *names* as fields of a relation, such as `items.quantity`. */
export function relationFields(relation: string, names: readonly string[]): string[] {
  return names.map((name) => `${relation}.${name}`);
}
