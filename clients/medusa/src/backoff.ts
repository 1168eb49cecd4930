/** The pause before a batch is sent again: it grows, and a random part varies it. */

const FIRST_MS = 500;
const LONGEST_MS = 60_000;
/** The longest pause that a server can ask for. */
const LONGEST_RETRY_AFTER_MS = 300_000;

/**
 * Return the pause after failure number *failures* (1 is the first), in milliseconds.
 *
 * The pause doubles up to a minute. *random*, from 0 to 1, shortens it by up to a half, so
 * that shops do not all send at the same moment when Millpond is back. The pause is never
 * shorter than the server asked for.
 */
export function pauseMs(failures: number, random: number, retryAfterMs = 0): number {
  const longestMs = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
  return Math.max(longestMs * (1 - random / 2), Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
}

/** Return the pause in a Retry-After header, 0 if it is missing or unreadable. */
export function retryAfterMs(header: string | null, nowMs: number): number {
  if (!header) return 0;
  if (/^[0-9]{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - nowMs);
}
