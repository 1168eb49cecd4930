import type {
  Logger,
  ProviderIdentifyAnalyticsEventDTO,
  ProviderTrackAnalyticsEventDTO,
} from "@medusajs/framework/types";
import { AbstractAnalyticsProviderService } from "@medusajs/framework/utils";
import { randomUUID } from "node:crypto";

import { Delivery } from "../delivery";
import { nativeEvent } from "../mapping";
import { parseOptions, type MillpondOptions } from "../options";
import { UnreadableAmount } from "../order";
import { Tally } from "../tally";

const { version } = require("../../package.json") as { version: string };

/** Sends what Medusa's Analytics Module tracks to the shop's own Millpond. */
export class MillpondAnalyticsService extends AbstractAnalyticsProviderService {
  static override identifier = "millpond";

  readonly #site: string;
  readonly #delivery: Delivery;
  readonly #tally: Tally;
  readonly #logger: Logger;

  /** Refuse options that cannot work, with all that is wrong; Medusa calls it at start. */
  static validateOptions(options: unknown): void {
    parseOptions(options);
  }

  constructor({ logger }: { logger: Logger }, options: MillpondOptions) {
    super();
    const settings = parseOptions(options);
    this.#site = settings.site;
    this.#logger = logger;
    this.#tally = new Tally(logger, Date.now);
    const world = { fetch: globalThis.fetch, now: Date.now, random: Math.random };
    this.#delivery = new Delivery(settings, `millpond-medusa/${version}`, this.#tally, world);
  }

  /** Take an event; it is sent in the background, and nothing it meets stops the shop. */
  override async track(data: ProviderTrackAnalyticsEventDTO): Promise<void> {
    try {
      this.#delivery.add(nativeEvent(this.#site, data, randomUUID(), new Date()));
    } catch (error) {
      // An error's own text could quote the event.
      const why = error instanceof UnreadableAmount ? error.message : "it cannot be read";
      this.#tally.add(1, `not sent: ${why}`);
    }
  }

  /** Send nothing: Millpond keeps no profiles, and traits are personal. */
  override async identify(_data: ProviderIdentifyAnalyticsEventDTO): Promise<void> {
    this.#logger.debug("millpond: identify sends nothing, Millpond keeps no profiles");
  }

  /** Send what is left, within a bounded time; Medusa calls it when it ends. */
  async shutdown(): Promise<void> {
    await this.#delivery.close();
  }
}
