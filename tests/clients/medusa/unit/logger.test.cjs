// A container without a usable logger stops neither the start of the shop nor an event.
const assert = require("node:assert/strict");
const test = require("node:test");

const { loggerOf } = require("../../../../clients/medusa/dist/logger.js");
const { MillpondAnalyticsService } = require("../../../../clients/medusa/dist/services/millpond.js");

const OPTIONS = { host: "http://127.0.0.1:9", site: "shop", secretKey: "a-key", maxRetries: 0 };
// As Medusa's container: it throws on a name that nobody registered.
const cradle = new Proxy({}, {
  get(_target, name) {
    throw new Error(`Could not resolve '${String(name)}'`);
  },
});
const CONTAINERS = {
  undefined,
  empty: {},
  cradle,
  "no methods": { logger: {} },
  null: { logger: null },
};

for (const [name, container] of Object.entries(CONTAINERS)) {
  test(`warnings go to the console: ${name}`, (t) => {
    const warned = t.mock.method(console, "warn", () => {});

    loggerOf(container).warn("lost");

    assert.deepEqual(warned.mock.calls.map((call) => call.arguments), [["lost"]]);
  });

  test(`the provider starts, tracks and stops: ${name}`, async (t) => {
    const warned = t.mock.method(console, "warn", () => {});
    t.mock.method(console, "debug", () => {});
    const provider = new MillpondAnalyticsService(container, OPTIONS);

    await provider.identify({ actor_id: "a", properties: {} });
    await provider.track({ event: "order.placed", properties: { id: "1", total: {} } });
    await provider.shutdown();

    assert.match(warned.mock.calls[0].arguments[0], /^millpond: 1 event lost: /);
  });
}

test("the shop's logger is used, also one without debug", () => {
  const lines = [];
  const logger = loggerOf({ logger: { warn: (text) => lines.push(text) } });

  logger.warn("lost");
  logger.debug("nothing");

  assert.deepEqual(lines, ["lost"]);
});
