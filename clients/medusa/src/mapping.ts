/** Converts a `track` call of Medusa's Analytics Module to a native event of Millpond. */

import type { ProviderTrackAnalyticsEventDTO } from "@medusajs/framework/types";

import { canonicalName, isCommerce } from "./names";
import type { NativeEvent } from "./native-event";
import { ORDER_PROPERTIES, orderOf, type Properties } from "./order";

/** Properties for this provider that a subscriber may set; none is stored as a property. */
export const MESSAGE_ID = "millpond_id";
export const OCCURRED_AT = "millpond_at";
export const VISIT = "millpond_visit";

const PROVIDER_PROPERTIES = new Set([MESSAGE_ID, OCCURRED_AT, VISIT]);
const PROVIDER_AND_ORDER = new Set([...PROVIDER_PROPERTIES, ...ORDER_PROPERTIES]);
const MOST_PROPS = 100;
// People write longer texts, often about people; Millpond would drop them.
const LONGEST_TEXT = 200;
const LONGEST_VISIT = 4_096;

type Props = NonNullable<NativeEvent["props"]>;

/**
 * Return the native event of a `track` call. *id* and *now* are for calls without id and time.
 *
 * Groups are left out, because Millpond has no profiles of organizations.
 */
export function nativeEvent(
  site: string,
  data: ProviderTrackAnalyticsEventDTO,
  id: string,
  now: Date
): NativeEvent {
  const properties: Properties = data.properties ?? {};
  const name = canonicalName(data.event);
  const isCommerceEvent = isCommerce(name);
  const order = isCommerceEvent ? orderOf(name, properties) : undefined;
  const props = scalars(properties, isCommerceEvent ? PROVIDER_AND_ORDER : PROVIDER_PROPERTIES);
  const visit = properties[VISIT];
  const messageId = properties[MESSAGE_ID];
  return {
    site,
    name,
    id: typeof messageId === "string" && messageId ? messageId : id,
    at: (parseDate(properties[OCCURRED_AT]) ?? now).toISOString(),
    ...(data.actor_id ? { actor: String(data.actor_id) } : {}),
    ...(order && { order }),
    ...(props && { props }),
    ...(isToken(visit) && { visit }),
  };
}

/** Return the properties that are short texts, numbers or booleans. */
function scalars(properties: Properties, excluded: ReadonlySet<string>): Props | undefined {
  const pairs = Object.entries(properties)
    .filter(([name, value]) => !excluded.has(name) && isScalar(value))
    .slice(0, MOST_PROPS);
  return pairs.length ? (Object.fromEntries(pairs) as Props) : undefined;
}

function isScalar(value: unknown): boolean {
  if (typeof value === "string") return value.length <= LONGEST_TEXT;
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}

function isToken(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LONGEST_VISIT;
}

function parseDate(value: unknown): Date | undefined {
  if (typeof value !== "string" && !(value instanceof Date)) return undefined;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? undefined : at;
}
