/** The provider's options. An error lists all problems and repeats no value. */

import { MedusaError } from "@medusajs/framework/utils";

export interface MillpondOptions {
  /** The URL of the shop's Millpond, with its path prefix if it has one. */
  host: string;
  /** The site's id in Millpond's configuration. */
  site: string;
  /** One of the site's secret keys: the key itself, not its digest. */
  secretKey: string;
  /** The number of queued events at which they are sent at once. */
  flushAt?: number;
  /** The longest time an event waits for others. */
  flushIntervalMs?: number;
  /** The most events in memory while Millpond is unreachable; beyond, the oldest are lost. */
  maxQueue?: number;
  /** The time limit of one request. */
  timeoutMs?: number;
  /** The number of times a batch is sent again before it is lost. */
  maxRetries?: number;
  /** The time limit for `shutdown` to send the remaining events. */
  shutdownTimeoutMs?: number;
}

export type Settings = Readonly<Required<MillpondOptions>>;

interface NumberOption {
  defaultValue: number;
  min: number;
  max: number;
}

const NUMBERS: Readonly<Record<string, NumberOption>> = {
  flushAt: { defaultValue: 20, min: 1, max: 1_000 },
  flushIntervalMs: { defaultValue: 1_000, min: 1, max: 60_000 },
  maxQueue: { defaultValue: 10_000, min: 1, max: 1_000_000 },
  timeoutMs: { defaultValue: 10_000, min: 100, max: 60_000 },
  maxRetries: { defaultValue: 20, min: 0, max: 100 },
  shutdownTimeoutMs: { defaultValue: 5_000, min: 0, max: 60_000 },
};
const NAMES = ["host", "site", "secretKey", ...Object.keys(NUMBERS)];
const DIGEST = /^sha256:/i;
const HEADER_SAFE = /^[\x21-\x7e]{1,1000}$/;

/** Return the settings from *options*; throws an error with all problems. */
export function parseOptions(options: unknown): Settings {
  const values = (typeof options === "object" && options !== null ? options : {}) as Record<string, unknown>;
  const problems = [
    ...hostProblems(values.host),
    ...siteProblems(values.site),
    ...keyProblems(values.secretKey),
    ...Object.entries(NUMBERS).flatMap(([name, option]) => numberProblems(name, values[name], option)),
    ...Object.keys(values)
      .filter((name) => !NAMES.includes(name))
      .map((name) => `${name}: is not an option; the options are ${NAMES.join(", ")}`),
  ];
  if (problems.length) throw new MedusaError(MedusaError.Types.INVALID_DATA, message(problems));
  const numbers = Object.entries(NUMBERS).map(([name, { defaultValue }]) => [name, values[name] ?? defaultValue]);
  return { ...values, ...Object.fromEntries(numbers), host: withoutSlash(values.host as string) } as Settings;
}

function message(problems: readonly string[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return [`millpond-medusa options: ${count}`, ...problems].join("\n  ");
}

function withoutSlash(host: string): string {
  return host.replace(/\/+$/, "");
}

function hostProblems(host: unknown): string[] {
  if (typeof host !== "string" || !host)
    return ["host: is missing; it is the URL of your Millpond, such as https://shop.example/stats"];
  let url: URL;
  try {
    url = new URL(host);
  } catch {
    return ["host: is not a URL such as https://shop.example/stats"];
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return ["host: must begin with https:// or http://"];
  const hasMore = url.username || url.password || url.search || url.hash || /[?#]/.test(host);
  return hasMore ? ["host: must not contain credentials, a query or a fragment"] : [];
}

function siteProblems(site: unknown): string[] {
  if (typeof site === "string" && site) return [];
  return ["site: is missing; it is the id of the site in Millpond's configuration"];
}

function keyProblems(key: unknown): string[] {
  if (typeof key !== "string" || !key)
    return ["secretKey: is missing; it is a key whose digest is in the site's secret_keys"];
  if (DIGEST.test(key)) return ["secretKey: must be the key itself, not its digest"];
  return HEADER_SAFE.test(key) ? [] : ["secretKey: must be up to 1000 ASCII characters without spaces"];
}

function numberProblems(name: string, value: unknown, { min, max }: NumberOption): string[] {
  if (value === undefined) return [];
  const isValid = Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  return isValid ? [] : [`${name}: must be a whole number from ${min} to ${max}`];
}
