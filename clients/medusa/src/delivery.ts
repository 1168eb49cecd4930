/**
 * Sends events to Millpond in batches, and resends a batch until Millpond has it.
 *
 * Memory and the time for each batch are limited. Each event is encoded once, so that every
 * attempt sends the same bytes, with the same event id.
 */

import { pauseMs } from "./backoff";
import { type BatchResult, droppedLine, readResult } from "./batch-result";
import type { NativeEvent } from "./native-event";
import type { Settings } from "./options";
import type { Tally } from "./tally";

/** Below the smallest limit that Millpond usually has for a body. */
const MOST_BYTES = 200_000;

/** The parts of the runtime that tests replace. */
export interface Runtime {
  fetch: typeof fetch;
  now: () => number;
  random: () => number;
}

export class Delivery {
  readonly #settings: Settings;
  readonly #tally: Tally;
  readonly #runtime: Runtime;
  readonly #userAgent: string;
  #queue: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #isTimeUp = false;
  #request: AbortController | undefined;
  #endPause: (() => void) | undefined;

  constructor(settings: Settings, userAgent: string, tally: Tally, runtime: Runtime) {
    this.#settings = settings;
    this.#userAgent = userAgent;
    this.#tally = tally;
    this.#runtime = runtime;
  }

  /** Queue an event; it is sent with others after at most `flushIntervalMs`. */
  add(event: NativeEvent): void {
    if (this.#closed) return this.#tally.add(1, "came after the shutdown and were not sent");
    this.#queue.push(JSON.stringify(event));
    if (this.#queue.length > this.#settings.maxQueue) {
      this.#queue.shift();
      this.#tally.add(1, "refused, the oldest first: maxQueue is reached");
    }
    if (this.#queue.length >= this.#settings.flushAt) this.#send();
    else this.#timer ??= this.#schedule(this.#settings.flushIntervalMs, () => this.#send());
  }

  /** Send the remaining events within `shutdownTimeoutMs`, then stop permanently. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const deadline = setTimeout(() => this.#stop(), this.#settings.shutdownTimeoutMs);
    // A batch that waits for its next attempt gets at least one more attempt now.
    this.#endPause?.();
    this.#send();
    while (this.#sending) await this.#sending;
    clearTimeout(deadline);
    this.#tally.log();
  }

  #stop(): void {
    this.#isTimeUp = true;
    this.#endPause?.();
    this.#request?.abort();
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = undefined;
      // Otherwise an event that was added after the last check waits for the next event.
      if (this.#queue.length) this.#send();
    });
  }

  async #drain(): Promise<void> {
    while (this.#queue.length) {
      const batch = this.#takeBatch();
      await this.#deliver(batch);
    }
  }

  #takeBatch(): string[] {
    let bytes = 0;
    const tooMany = this.#queue.slice(0, this.#settings.flushAt).findIndex((line) => {
      bytes += Buffer.byteLength(line) + 1;
      return bytes > MOST_BYTES;
    });
    const count = tooMany < 0 ? this.#settings.flushAt : Math.max(tooMany, 1);
    return this.#queue.splice(0, count);
  }

  async #deliver(batch: readonly string[]): Promise<void> {
    for (let failures = 0; ; ) {
      const result = await this.#post(batch);
      if (result.outcome === "kept") return this.#countDropped(result.dropped);
      if (result.outcome === "too large" && batch.length > 1) return this.#deliverHalves(batch);
      if (result.outcome !== "retry") return this.#countLost(batch, result);
      failures += 1;
      if (this.#isTimeUp || failures > this.#settings.maxRetries)
        return this.#countLost(batch, result);
      await this.#pause(this.#pauseAfter(failures, result.retryAfterMs));
    }
  }

  /** During a shutdown the pause is short, because a longer one would outlast its time. */
  #pauseAfter(failures: number, retryAfterMs: number): number {
    const random = this.#runtime.random();
    return this.#closed ? pauseMs(1, random) : pauseMs(failures, random, retryAfterMs);
  }

  async #deliverHalves(batch: readonly string[]): Promise<void> {
    const middle = Math.ceil(batch.length / 2);
    await this.#deliver(batch.slice(0, middle));
    await this.#deliver(batch.slice(middle));
  }

  async #post(batch: readonly string[]): Promise<BatchResult> {
    if (this.#isTimeUp)
      return { outcome: "retry", why: "the time to shut down is over", retryAfterMs: 0 };
    const request = new AbortController();
    this.#request = request;
    const timer = this.#schedule(this.#settings.timeoutMs, () => request.abort());
    try {
      const response = await this.#runtime.fetch(`${this.#settings.host}/v1/events`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${this.#settings.secretKey}`,
          "content-type": "application/json",
          "user-agent": this.#userAgent,
        },
        body: `[${batch.join(",")}]`,
        // The key and the events must not go to another address.
        redirect: "manual",
        signal: request.signal,
      });
      return await readResult(response, this.#runtime.now());
    } catch {
      return { outcome: "retry", why: "there was no answer", retryAfterMs: 0 };
    } finally {
      clearTimeout(timer);
      this.#request = undefined;
    }
  }

  #countDropped(dropped: Readonly<Record<string, number>>): void {
    for (const [reason, count] of Object.entries(dropped)) this.#tally.add(count, droppedLine(reason));
  }

  #countLost(batch: readonly string[], result: BatchResult): void {
    const why = "why" in result ? result.why : "one alone is too large";
    this.#tally.add(batch.length, `lost: ${why}`);
  }

  /** Pause, unless the time is up; a shutdown ends the pause. */
  async #pause(ms: number): Promise<void> {
    if (this.#isTimeUp) return;
    await new Promise<void>((resolve) => {
      // Only during a shutdown may unsent events keep the process running.
      const timer = this.#closed ? setTimeout(resolve, ms) : this.#schedule(ms, resolve);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endPause = undefined;
  }

  /** Schedule an action that does not keep the process running. */
  #schedule(ms: number, action: () => void): NodeJS.Timeout {
    return setTimeout(action, ms).unref();
  }
}
