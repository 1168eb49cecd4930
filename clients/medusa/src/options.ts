/** The provider's options: checked whole, with every problem named and no value repeated. */

import { MedusaError } from "@medusajs/framework/utils";

export interface MillpondOptions {
  /** Where the shop's Millpond answers, with its path prefix if it has one. */
  host: string;
  /** The site's id in Millpond's configuration. */
  site: string;
  /** One of the site's secret keys, itself and not its digest. */
  secretKey: string;
  /** Events that are sent without waiting for more. */
  flushAt?: number;
  /** The longest time an event waits for others. */
  flushIntervalMs?: number;
  /** Events held in memory while Millpond is out of reach; past it the oldest are refused. */
  maxQueue?: number;
  /** How long one request may take. */
  timeoutMs?: number;
  /** How often a batch is sent again before it is given up. */
  maxRetries?: number;
  /** How long `shutdown` may take to send what is left. */
  shutdownTimeoutMs?: number;
}

export type Settings = Readonly<Required<MillpondOptions>>;

interface Whole {
  standard: number;
  least: number;
  most: number;
}

const NUMBERS: Readonly<Record<string, Whole>> = {
  flushAt: { standard: 20, least: 1, most: 1_000 },
  flushIntervalMs: { standard: 1_000, least: 1, most: 60_000 },
  maxQueue: { standard: 10_000, least: 1, most: 1_000_000 },
  timeoutMs: { standard: 10_000, least: 100, most: 60_000 },
  maxRetries: { standard: 20, least: 0, most: 100 },
  shutdownTimeoutMs: { standard: 5_000, least: 0, most: 60_000 },
};
const NAMES = ["host", "site", "secretKey", ...Object.keys(NUMBERS)];
const DIGEST = /^sha256:/i;
const HEADER_SAFE = /^[\x21-\x7e]{1,1000}$/;

/** Return the settings *options* make, or refuse them with all that is wrong. */
export function parseOptions(options: unknown): Settings {
  const given = (typeof options === "object" && options !== null ? options : {}) as Record<string, unknown>;
  const problems = [
    ...hostProblems(given.host),
    ...siteProblems(given.site),
    ...keyProblems(given.secretKey),
    ...Object.entries(NUMBERS).flatMap(([name, whole]) => numberProblems(name, given[name], whole)),
    ...Object.keys(given)
      .filter((name) => !NAMES.includes(name))
      .map((name) => `${name}: is no option; known are ${NAMES.join(", ")}`),
  ];
  if (problems.length) throw new MedusaError(MedusaError.Types.INVALID_DATA, report(problems));
  const numbers = Object.entries(NUMBERS).map(([name, { standard }]) => [name, given[name] ?? standard]);
  return { ...given, ...Object.fromEntries(numbers), host: trimmed(given.host as string) } as Settings;
}

function report(problems: readonly string[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return [`millpond-medusa options: ${count}`, ...problems].join("\n  ");
}

function trimmed(host: string): string {
  return host.replace(/\/+$/, "");
}

function hostProblems(host: unknown): string[] {
  if (typeof host !== "string" || !host)
    return ["host: is missing; it is where your Millpond answers, as in https://shop.example/stats"];
  let url: URL;
  try {
    url = new URL(host);
  } catch {
    return ["host: is not an address such as https://shop.example/stats"];
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return ["host: must begin with https:// or http://"];
  const more = url.username || url.password || url.search || url.hash || /[?#]/.test(host);
  return more ? ["host: must hold no credentials, query or fragment"] : [];
}

function siteProblems(site: unknown): string[] {
  if (typeof site === "string" && site) return [];
  return ["site: is missing; it is the id of the site in Millpond's configuration"];
}

function keyProblems(key: unknown): string[] {
  if (typeof key !== "string" || !key)
    return ["secretKey: is missing; it is one of the keys whose digests stand in the site's secret_keys"];
  if (DIGEST.test(key)) return ["secretKey: must be the key itself, not its digest"];
  return HEADER_SAFE.test(key) ? [] : ["secretKey: must be up to 1000 ASCII characters without blanks"];
}

function numberProblems(name: string, value: unknown, { least, most }: Whole): string[] {
  if (value === undefined) return [];
  const fits = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  return fits ? [] : [`${name}: must be a whole number from ${least} to ${most}`];
}
