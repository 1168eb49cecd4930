import { createHash } from "node:crypto";

/**
 * Return a UUID that is the same every time the same occurrence is reported.
 *
 * An event bus may deliver an event twice, and Millpond counts each message id once. Only a
 * digest of *parts* leaves the shop, as a version 8 UUID.
 */
export function messageId(...parts: string[]): string {
  const hex = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  const variant = "89ab".charAt(parseInt(hex.charAt(16), 16) % 4);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join("-");
}
