/** How long to wait before a batch is sent again: longer each time, never in step. */

const FIRST_MS = 500;
const LONGEST_MS = 60_000;
/** The longest a server may ask to be left alone. */
export const LONGEST_ASKED_MS = 300_000;

/**
 * Return the pause after failure number *failures* (1 is the first), in milliseconds.
 *
 * It doubles up to a minute; *random*, from 0 to 1, takes up to half of it away, so that
 * shops that lost Millpond together do not come back together. What the server asked for
 * is waited in any case.
 */
export function pauseMs(failures: number, random: number, askedMs = 0): number {
  const whole = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
  return Math.max(whole * (1 - random / 2), Math.min(askedMs, LONGEST_ASKED_MS));
}

/** Return what a Retry-After header asks for, 0 where it cannot be read. */
export function retryAfterMs(header: string | null, nowMs: number): number {
  if (!header) return 0;
  if (/^[0-9]{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - nowMs);
}
