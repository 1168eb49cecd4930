/** The result of sending a batch, read from Millpond's response. */

import { retryAfterMs } from "./backoff";

/** Millpond has processed the events; *dropped* counts the dropped ones by reason. */
export interface Kept {
  outcome: "kept";
  dropped: Readonly<Record<string, number>>;
}
/** Sending the same batch again may succeed. */
export interface Retry {
  outcome: "retry";
  why: string;
  /** The pause that the server asked for. */
  retryAfterMs: number;
}
/** Sending the same batch again cannot succeed. */
export interface Refused {
  outcome: "refused";
  why: string;
}
/** The batch is too large; half of it may be small enough. */
export interface TooLarge {
  outcome: "too large";
}

export type BatchResult = Kept | Retry | Refused | TooLarge;

const RETRY_STATUSES = new Set([408, 425, 429]);
const HINTS: Readonly<Record<string, string>> = {
  bot: "; is secretKey one of the site's keys?",
  unknown_site: "; is site the id of one of Millpond's sites?",
};

/** Return the warning about events that Millpond dropped for *reason*. */
export function droppedLine(reason: string): string {
  return `dropped by Millpond as ${reason}${HINTS[reason] ?? ""}`;
}

/** Return the result that an HTTP response means. */
export async function readResult(response: Response, nowMs: number): Promise<BatchResult> {
  const { status } = response;
  const body = await response.text();
  if (status >= 200 && status < 300) return parseReceipt(body);
  if (status === 413) return { outcome: "too large" };
  if (RETRY_STATUSES.has(status) || status >= 500) {
    const pauseMs = retryAfterMs(response.headers.get("retry-after"), nowMs);
    return { outcome: "retry", why: `the answer was ${status}`, retryAfterMs: pauseMs };
  }
  return { outcome: "refused", why: `the answer was ${status}; does host lead to Millpond?` };
}

/** Another server may answer every request with 200; it has stored nothing. */
function parseReceipt(body: string): Kept | Retry {
  try {
    const { accepted, dropped } = JSON.parse(body);
    if (Number.isInteger(accepted)) return { outcome: "kept", dropped: parseCounts(dropped) };
  } catch {
    // Not JSON, so not from Millpond.
  }
  return { outcome: "retry", why: "the answer was not Millpond's", retryAfterMs: 0 };
}

function parseCounts(dropped: unknown): Record<string, number> {
  const pairs = Object.entries(dropped ?? {});
  return Object.fromEntries(
    pairs.filter(([reason, count]) => /^[a-z_]{1,40}$/.test(reason) && Number.isInteger(count))
  );
}
