// Pauses grow, are bounded, are random, and respect the Retry-After of the server.
const assert = require("node:assert/strict");
const test = require("node:test");

const { pauseMs, retryAfterMs } = require("../../../../clients/medusa/dist/backoff.js");

test("pauses double up to a minute", () => {
  const pauses = [1, 2, 3, 7, 8, 9, 100].map((failures) => pauseMs(failures, 0));
  assert.deepEqual(pauses, [500, 1_000, 2_000, 32_000, 60_000, 60_000, 60_000]);
});

test("random jitter shortens a pause by up to half", () => {
  assert.deepEqual([0, 0.5, 1].map((random) => pauseMs(2, random)), [1_000, 750, 500]);
});

test("the pause respects Retry-After within bounds", () => {
  assert.equal(pauseMs(1, 0, 7_000), 7_000);
  assert.equal(pauseMs(4, 0, 7), 4_000);
  assert.equal(pauseMs(1, 0, 1e9), 300_000);
});

test("Retry-After is read as seconds or as a date", () => {
  const now = Date.parse("2026-11-22T10:00:00Z");
  for (const [header, expected] of [
    ["7", 7_000],
    ["0", 0],
    ["Sun, 22 Nov 2026 10:00:30 GMT", 30_000],
    ["Sun, 22 Nov 2026 09:00:00 GMT", 0],
    ["soon", 0],
    ["", 0],
    [null, 0],
  ])
    assert.equal(retryAfterMs(header, now), expected);
});
