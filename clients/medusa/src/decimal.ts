/**
 * Amounts as exact decimal text. No arithmetic on floats happens here: a number is spelled
 * as JavaScript prints it, which is the shortest text that means this very number.
 */

const NUMBER = /^([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]{1,3}))?$/;
// What Millpond reads: longer whole parts are no amounts, further decimals no money.
const MOST_WHOLE = 16;
const MOST_DECIMALS = 24;

/** Whether a value can be meant as an amount at all. */
export function isAmount(value: unknown): boolean {
  return (
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "bigint" ||
    inner(value) !== undefined
  );
}

/**
 * Return an amount as plain decimal text, undefined where it is none.
 *
 * Taken are Medusa's BigNumber and its raw values (`{ value: "59.9000", precision: 20 }`),
 * bignumber.js, texts, numbers and bigints.
 */
export function decimal(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "bigint") return plain(String(value));
  if (typeof value === "string") return plain(value.trim());
  const held = inner(value);
  return held === undefined ? undefined : decimal(held);
}

/** Return the exact value an object stands for: raw before rounded, undefined for none. */
function inner(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const { raw, value: own, toFixed } = value as Record<string, unknown>;
  if (typeof raw === "object" && raw !== null) return inner(raw);
  if (typeof own === "string" || typeof own === "number") return own;
  return typeof toFixed === "function" ? String(toFixed.call(value)) : undefined;
}

function plain(text: string): string | undefined {
  const found = NUMBER.exec(text);
  if (!found || !(found[2] || found[3])) return undefined;
  const [, sign, whole = "", fraction = "", power = "0"] = found;
  return spelled(sign === "-", whole + fraction, whole.length + Number(power));
}

/** Return 0.DIGITS times ten to *point*, without an exponent and without idle zeros. */
function spelled(negative: boolean, digits: string, point: number): string | undefined {
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
  return plain(`${digits}e-${decimals}`) ?? "0";
}

function decimalsOf(text: string): number {
  const point = text.indexOf(".");
  return point < 0 ? 0 : text.length - point - 1;
}
