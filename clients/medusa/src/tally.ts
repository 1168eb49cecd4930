/** Warnings with counts: the first at once, further ones gathered for a minute. */

import type { Logger } from "@medusajs/framework/types";

const EVERY_MS = 60_000;

export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #logger: Pick<Logger, "warn">;
  readonly #now: () => number;
  #saidAt = -Infinity;

  constructor(logger: Pick<Logger, "warn">, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Count *events* under *what* happened to them. What is said holds nothing of them. */
  add(events: number, what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + events);
    if (this.#now() - this.#saidAt >= EVERY_MS) this.say();
  }

  /** Say what was counted since the last time. */
  say(): void {
    if (!this.#counts.size) return;
    this.#saidAt = this.#now();
    for (const [what, events] of this.#counts) {
      this.#logger.warn(`millpond: ${events} ${events === 1 ? "event" : "events"} ${what}`);
    }
    this.#counts.clear();
  }
}
