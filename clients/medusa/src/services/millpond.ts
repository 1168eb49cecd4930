import type {
  ProviderIdentifyAnalyticsEventDTO,
  ProviderTrackAnalyticsEventDTO,
} from "@medusajs/framework/types";
import { AbstractAnalyticsProviderService } from "@medusajs/framework/utils";
import { randomUUID } from "node:crypto";

import { Delivery } from "../delivery";
import { loggerOf, type PlainLogger } from "../logger";
import { nativeEvent } from "../mapping";
import { parseOptions, type MillpondOptions } from "../options";
import { UnreadableAmount } from "../order";
import { Tally } from "../tally";

const { version } = require("../../package.json") as { version: string };

/** Sends the events of Medusa's Analytics Module to the shop's Millpond. */
export class MillpondAnalyticsService extends AbstractAnalyticsProviderService {
  static override identifier = "millpond";

  readonly #site: string;
  readonly #delivery: Delivery;
  readonly #tally: Tally;
  readonly #logger: PlainLogger;

  /** Throw an error with all problems of the options; Medusa calls this at its start. */
  static validateOptions(options: unknown): void {
    parseOptions(options);
  }

  constructor(container: unknown, options: MillpondOptions) {
    super();
    const logger = loggerOf(container);
    const settings = parseOptions(options);
    this.#site = settings.site;
    this.#logger = logger;
    this.#tally = new Tally(logger, Date.now);
    const runtime = { fetch: globalThis.fetch, now: Date.now, random: Math.random };
    this.#delivery = new Delivery(settings, `millpond-medusa/${version}`, this.#tally, runtime);
  }

  /** Queue an event to be sent in the background; an error never stops the shop. */
  override async track(data: ProviderTrackAnalyticsEventDTO): Promise<void> {
    try {
      this.#delivery.add(nativeEvent(this.#site, data, randomUUID(), new Date()));
    } catch (error) {
      // The message of any other error could quote the event.
      const why = error instanceof UnreadableAmount ? error.message : "it cannot be read";
      this.#tally.add(1, `not sent: ${why}`);
    }
  }

  /** Send nothing: Millpond has no profiles, and traits are personal data. */
  override async identify(_data: ProviderIdentifyAnalyticsEventDTO): Promise<void> {
    this.#logger.debug("millpond: identify sends nothing, Millpond keeps no profiles");
  }

  /** Send the remaining events within a time limit; Medusa calls this when it stops. */
  async shutdown(): Promise<void> {
    await this.#delivery.close();
  }
}
