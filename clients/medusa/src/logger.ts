/** The logger of the container, or the console where the container has none. */

import type { Logger } from "@medusajs/framework/types";

export type PlainLogger = Pick<Logger, "warn" | "debug">;

/** Return the shop's logger; a missing one never stops the shop from starting. */
export function loggerOf(container: unknown): PlainLogger {
  try {
    // A container throws if nobody registered the name.
    const logger = (container as { logger?: Partial<Logger> } | undefined)?.logger;
    if (typeof logger?.warn === "function") return safe(logger);
  } catch {
    // The console below.
  }
  return safe(console);
}

/** Return a logger that can be called, whatever *logger* lacks. */
function safe(logger: Partial<PlainLogger>): PlainLogger {
  return {
    warn: (message) => logger.warn?.(message),
    debug: (message) => logger.debug?.(message),
  };
}
