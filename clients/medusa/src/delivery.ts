/**
 * Events on their way to Millpond: gathered, sent in batches, sent again until they are kept.
 *
 * Memory is bounded, and so is the time each batch gets. An event is spelled once, so that
 * every repetition is the same to the last byte, its id included.
 */

import { type Answer, droppedLine, readAnswer } from "./answer";
import { pauseMs } from "./backoff";
import type { NativeEvent } from "./native-event";
import type { Settings } from "./options";
import type { Tally } from "./tally";

/** Less than Millpond's smallest usual limit of a body. */
const MOST_BYTES = 200_000;

export interface World {
  fetch: typeof fetch;
  now: () => number;
  random: () => number;
}

export class Delivery {
  readonly #settings: Settings;
  readonly #tally: Tally;
  readonly #world: World;
  readonly #userAgent: string;
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #giveUp = false;
  #request: AbortController | undefined;
  #wake: (() => void) | undefined;

  constructor(settings: Settings, userAgent: string, tally: Tally, world: World) {
    this.#settings = settings;
    this.#userAgent = userAgent;
    this.#tally = tally;
    this.#world = world;
  }

  /** Take an event; it goes out with others, soon. */
  add(event: NativeEvent): void {
    if (this.#closed) return this.#tally.add(1, "came after the shutdown and were not sent");
    this.#waiting.push(JSON.stringify(event));
    if (this.#waiting.length > this.#settings.maxQueue) {
      this.#waiting.shift();
      this.#tally.add(1, "refused, the oldest first: maxQueue is reached");
    }
    if (this.#waiting.length >= this.#settings.flushAt) this.#send();
    else this.#timer ??= this.#later(this.#settings.flushIntervalMs, () => this.#send());
  }

  /** Send what is left within `shutdownTimeoutMs`, then stop for good. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const due = setTimeout(() => this.#stop(), this.#settings.shutdownTimeoutMs);
    // Whoever waits for a better moment tries now, once more at least.
    this.#wake?.();
    this.#send();
    while (this.#sending) await this.#sending;
    clearTimeout(due);
    this.#tally.say();
  }

  #stop(): void {
    this.#giveUp = true;
    this.#wake?.();
    this.#request?.abort();
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = undefined;
      // What came between the last look and now would wait for the next event.
      if (this.#waiting.length) this.#send();
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length) {
      const batch = this.#take();
      await this.#deliver(batch);
    }
  }

  #take(): string[] {
    let bytes = 0;
    const fits = this.#waiting.slice(0, this.#settings.flushAt).findIndex((line) => {
      bytes += Buffer.byteLength(line) + 1;
      return bytes > MOST_BYTES;
    });
    const count = fits < 0 ? this.#settings.flushAt : Math.max(fits, 1);
    return this.#waiting.splice(0, count);
  }

  async #deliver(batch: readonly string[]): Promise<void> {
    for (let failures = 0; ; ) {
      const answer = await this.#post(batch);
      if (answer.outcome === "kept") return this.#note(answer.dropped);
      if (answer.outcome === "too large" && batch.length > 1) return this.#halves(batch);
      if (answer.outcome !== "again") return this.#lose(batch, answer);
      failures += 1;
      if (this.#giveUp || failures > this.#settings.maxRetries) return this.#lose(batch, answer);
      await this.#pause(this.#pauseAfter(failures, answer.askedMs));
    }
  }

  /** A shutdown's time is short: what would last longer than it is not waited. */
  #pauseAfter(failures: number, askedMs: number): number {
    const random = this.#world.random();
    return this.#closed ? pauseMs(1, random) : pauseMs(failures, random, askedMs);
  }

  async #halves(batch: readonly string[]): Promise<void> {
    const middle = Math.ceil(batch.length / 2);
    await this.#deliver(batch.slice(0, middle));
    await this.#deliver(batch.slice(middle));
  }

  async #post(batch: readonly string[]): Promise<Answer> {
    if (this.#giveUp) return { outcome: "again", why: "the time to shut down is over", askedMs: 0 };
    const request = new AbortController();
    this.#request = request;
    const timer = this.#later(this.#settings.timeoutMs, () => request.abort());
    try {
      const response = await this.#world.fetch(`${this.#settings.host}/v1/events`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${this.#settings.secretKey}`,
          "content-type": "application/json",
          "user-agent": this.#userAgent,
        },
        body: `[${batch.join(",")}]`,
        // The key and the events are for this address and no other.
        redirect: "manual",
        signal: request.signal,
      });
      return await readAnswer(response, this.#world.now());
    } catch {
      return { outcome: "again", why: "there was no answer", askedMs: 0 };
    } finally {
      clearTimeout(timer);
      this.#request = undefined;
    }
  }

  #note(dropped: Readonly<Record<string, number>>): void {
    for (const [reason, count] of Object.entries(dropped)) this.#tally.add(count, droppedLine(reason));
  }

  #lose(batch: readonly string[], answer: Answer): void {
    const why = "why" in answer ? answer.why : "one alone is too large";
    this.#tally.add(batch.length, `lost: ${why}`);
  }

  /** Wait, unless there is no time left; a shutdown ends the wait. */
  async #pause(ms: number): Promise<void> {
    if (this.#giveUp) return;
    await new Promise<void>((resolve) => {
      // Only a shutdown may keep the process for the sake of what is not sent yet.
      const timer = this.#closed ? setTimeout(resolve, ms) : this.#later(ms, resolve);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** Do something later, without keeping the process for it. */
  #later(ms: number, action: () => void): NodeJS.Timeout {
    return setTimeout(action, ms).unref();
  }
}
