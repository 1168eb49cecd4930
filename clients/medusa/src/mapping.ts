/** From what Medusa's Analytics Module hands over to Millpond's own event. */

import type { ProviderTrackAnalyticsEventDTO } from "@medusajs/framework/types";

import { canonicalName, isCommerce } from "./names";
import type { NativeEvent } from "./native-event";
import { ORDER_PROPERTIES, orderOf, type Properties } from "./order";

/** Properties that speak to this provider; a subscriber may set them, none is kept. */
export const MESSAGE_ID = "millpond_id";
export const OCCURRED_AT = "millpond_at";
export const VISIT = "millpond_visit";

const OURS = new Set([MESSAGE_ID, OCCURRED_AT, VISIT]);
const OURS_AND_ORDER = new Set([...OURS, ...ORDER_PROPERTIES]);
const MOST_PROPS = 100;
// Longer texts are written by people, about people; Millpond would not keep them.
const LONGEST_TEXT = 200;
const LONGEST_VISIT = 4_096;

type Props = NonNullable<NativeEvent["props"]>;

/**
 * Return the native event of a `track` call. *id* and *now* count where the call names none.
 *
 * Groups are left out: Millpond has no profiles of organisations.
 */
export function nativeEvent(
  site: string,
  data: ProviderTrackAnalyticsEventDTO,
  id: string,
  now: Date
): NativeEvent {
  const properties: Properties = data.properties ?? {};
  const name = canonicalName(data.event);
  const commerce = isCommerce(name);
  const order = commerce ? orderOf(name, properties) : undefined;
  const props = scalars(properties, commerce ? OURS_AND_ORDER : OURS);
  const visit = properties[VISIT];
  const named = properties[MESSAGE_ID];
  return {
    site,
    name,
    id: typeof named === "string" && named ? named : id,
    at: (moment(properties[OCCURRED_AT]) ?? now).toISOString(),
    ...(data.actor_id ? { actor: String(data.actor_id) } : {}),
    ...(order && { order }),
    ...(props && { props }),
    ...(isToken(visit) && { visit }),
  };
}

/** Return what can be a property: short texts, numbers and truth values. */
function scalars(properties: Properties, taken: ReadonlySet<string>): Props | undefined {
  const kept = Object.entries(properties)
    .filter(([name, value]) => !taken.has(name) && isScalar(value))
    .slice(0, MOST_PROPS);
  return kept.length ? (Object.fromEntries(kept) as Props) : undefined;
}

function isScalar(value: unknown): boolean {
  if (typeof value === "string") return value.length <= LONGEST_TEXT;
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}

function isToken(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LONGEST_VISIT;
}

function moment(value: unknown): Date | undefined {
  if (typeof value !== "string" && !(value instanceof Date)) return undefined;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? undefined : at;
}
