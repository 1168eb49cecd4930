/**
 * Amounts as exact decimal text, without float arithmetic. A number becomes the text that
 * JavaScript prints: the shortest text with exactly this value.
 */

const NUMBER = /^([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]{1,3}))?$/;
// Millpond's limits: a longer whole part is not an amount, and more decimals are ignored.
const MOST_WHOLE = 16;
const MOST_DECIMALS = 24;

/** Whether a value has a type that can hold an amount. */
export function isAmount(value: unknown): boolean {
  return (
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "bigint" ||
    inner(value) !== undefined
  );
}

/**
 * Return an amount as plain decimal text, undefined if it is not an amount.
 *
 * Accepts Medusa's BigNumber and its raw values (`{ value: "59.9000", precision: 20 }`),
 * bignumber.js, texts, numbers and bigints.
 */
export function decimal(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "bigint") return parseDecimal(String(value));
  if (typeof value === "string") return parseDecimal(value.trim());
  const wrapped = inner(value);
  return wrapped === undefined ? undefined : decimal(wrapped);
}

/** Return the exact value that an object wraps; its raw value before its rounded one. */
function inner(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const { raw, value: own, toFixed } = value as Record<string, unknown>;
  if (typeof raw === "object" && raw !== null) return inner(raw);
  if (typeof own === "string" || typeof own === "number") return own;
  return typeof toFixed === "function" ? String(toFixed.call(value)) : undefined;
}

function parseDecimal(text: string): string | undefined {
  const match = NUMBER.exec(text);
  if (!match || !(match[2] || match[3])) return undefined;
  const [, sign, whole = "", fraction = "", power = "0"] = match;
  return formatDecimal(sign === "-", whole + fraction, whole.length + Number(power));
}

/** Return 0.DIGITS × 10^*point* without an exponent and without redundant zeros. */
function formatDecimal(negative: boolean, digits: string, point: number): string | undefined {
  const padded = digits.padEnd(point, "0");
  const shifted = point < 0 ? "0".repeat(-point) + padded : padded;
  const at = Math.max(point, 0);
  const whole = shifted.slice(0, at).replace(/^0+/, "") || "0";
  const fraction = shifted.slice(at, at + MOST_DECIMALS).replace(/0+$/, "");
  if (whole.length > MOST_WHOLE) return undefined;
  const text = fraction ? `${whole}.${fraction}` : whole;
  return negative && text !== "0" ? `-${text}` : text;
}

/** Return the exact product of two plain decimal texts. */
export function product(left: string, right: string): string {
  const decimals = decimalsOf(left) + decimalsOf(right);
  const digits = BigInt(left.replace(".", "")) * BigInt(right.replace(".", ""));
  return parseDecimal(`${digits}e-${decimals}`) ?? "0";
}

function decimalsOf(text: string): number {
  const point = text.indexOf(".");
  return point < 0 ? 0 : text.length - point - 1;
}
