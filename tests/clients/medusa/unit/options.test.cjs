// Invalid options are refused, and the message contains no value of them.
const assert = require("node:assert/strict");
const test = require("node:test");

const { parseOptions } = require("../../../../clients/medusa/dist/options.js");

const GOOD = { host: "https://shop.example/stats/", site: "shop", secretKey: "a-key" };

test("good options are completed", () => {
  assert.deepEqual(parseOptions(GOOD), {
    host: "https://shop.example/stats",
    site: "shop",
    secretKey: "a-key",
    flushAt: 20,
    flushIntervalMs: 1_000,
    maxQueue: 10_000,
    timeoutMs: 10_000,
    maxRetries: 20,
    shutdownTimeoutMs: 5_000,
  });
  assert.equal(parseOptions({ ...GOOD, flushAt: undefined, maxRetries: 0 }).maxRetries, 0);
});

for (const [changes, problem] of [
  [{ host: "" }, "host: is missing"],
  [{ host: "shop.example" }, "host: is not a URL"],
  [{ host: "ftp://shop.example" }, "host: must begin with https:// or http://"],
  [{ host: "https://a:canary@shop.example" }, "host: must not contain credentials"],
  [{ host: "https://shop.example/?canary" }, "host: must not contain credentials"],
  [{ host: "https://shop.example/#" }, "host: must not contain credentials"],
  [{ site: 7 }, "site: is missing"],
  [{ secretKey: undefined }, "secretKey: is missing"],
  [{ secretKey: "sha256:canary" }, "secretKey: must be the key itself, not its digest"],
  [{ secretKey: "canary\nkey" }, "secretKey: must be up to 1000 ASCII characters"],
  [{ secretKey: "canary-ä" }, "secretKey: must be up to 1000 ASCII characters"],
  [{ flushAt: 1_001 }, "flushAt: must be a whole number from 1 to 1000"],
  [{ flushIntervalMs: "canary" }, "flushIntervalMs: must be a whole number"],
  [{ maxQueue: 0.5 }, "maxQueue: must be a whole number"],
  [{ timeoutMs: null }, "timeoutMs: must be a whole number"],
  [{ maxRetries: -1 }, "maxRetries: must be a whole number from 0 to 100"],
  [{ shutdownTimeoutMs: 1e9 }, "shutdownTimeoutMs: must be a whole number"],
  [{ secret: "canary" }, "secret: is not an option; the options are host, site, secretKey"],
]) {
  test(problem, () => {
    assert.throws(() => parseOptions({ ...GOOD, ...changes }), ({ message }) => {
      assert.match(message, /^millpond-medusa options: 1 problem\n/);
      assert.ok(message.includes(problem), message);
      assert.ok(!message.includes("canary"));
      return true;
    });
  });
}

test("missing options give three problems", () => {
  for (const none of [undefined, null, "canary", {}])
    assert.throws(() => parseOptions(none), /: 3 problems\n  host: .*\n  site: .*\n  secretKey: /);
});
