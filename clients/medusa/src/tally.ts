/** Logs warnings with counts: the first immediately, then at most once a minute. */

import type { Logger } from "@medusajs/framework/types";

const INTERVAL_MS = 60_000;

export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #logger: Pick<Logger, "warn">;
  readonly #now: () => number;
  #loggedAt = -Infinity;

  constructor(logger: Pick<Logger, "warn">, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Count *events* by *result*, such as "lost: …"; a result holds no data of events. */
  add(events: number, result: string): void {
    this.#counts.set(result, (this.#counts.get(result) ?? 0) + events);
    if (this.#now() - this.#loggedAt >= INTERVAL_MS) this.log();
  }

  /** Log the counts since the last warning. */
  log(): void {
    if (!this.#counts.size) return;
    this.#loggedAt = this.#now();
    for (const [result, events] of this.#counts) {
      this.#logger.warn(`millpond: ${events} ${events === 1 ? "event" : "events"} ${result}`);
    }
    this.#counts.clear();
  }
}
