/** What Millpond's answer to a batch means for the batch. */

import { retryAfterMs } from "./backoff";

/** Millpond has the events; some it may have dropped, by reason. */
export interface Kept {
  outcome: "kept";
  dropped: Readonly<Record<string, number>>;
}
/** Sending the same again may help. */
export interface Again {
  outcome: "again";
  why: string;
  askedMs: number;
}
/** Sending the same again cannot help. */
export interface Refused {
  outcome: "refused";
  why: string;
}
/** The batch is too large; its halves may not be. */
export interface TooLarge {
  outcome: "too large";
}

export type Answer = Kept | Again | Refused | TooLarge;

const AGAIN = new Set([408, 425, 429]);
const HINTS: Readonly<Record<string, string>> = {
  bot: "; is secretKey one of the site's keys?",
  unknown_site: "; is site the id of one of Millpond's sites?",
};

/** Return what to tell the shop's developer of events dropped for *reason*. */
export function droppedLine(reason: string): string {
  return `dropped by Millpond as ${reason}${HINTS[reason] ?? ""}`;
}

/** Return what an HTTP answer means. */
export async function readAnswer(response: Response, nowMs: number): Promise<Answer> {
  const { status } = response;
  const body = await response.text();
  if (status >= 200 && status < 300) return receipt(body);
  if (status === 413) return { outcome: "too large" };
  if (AGAIN.has(status) || status >= 500) {
    const askedMs = retryAfterMs(response.headers.get("retry-after"), nowMs);
    return { outcome: "again", why: `the answer was ${status}`, askedMs };
  }
  return { outcome: "refused", why: `the answer was ${status}; does host lead to Millpond?` };
}

/** A page that says 200 to everything is no Millpond, and has kept nothing. */
function receipt(body: string): Kept | Again {
  try {
    const { accepted, dropped } = JSON.parse(body);
    if (Number.isInteger(accepted)) return { outcome: "kept", dropped: counts(dropped) };
  } catch {
    // No JSON: nobody we know.
  }
  return { outcome: "again", why: "the answer was not Millpond's", askedMs: 0 };
}

function counts(dropped: unknown): Record<string, number> {
  const pairs = Object.entries(dropped ?? {});
  return Object.fromEntries(
    pairs.filter(([reason, count]) => /^[a-z_]{1,40}$/.test(reason) && Number.isInteger(count))
  );
}
