// A shutdown during an open request: an outside process cannot time this case.
const assert = require("node:assert/strict");
const test = require("node:test");

const { Delivery } = require("../../../../clients/medusa/dist/delivery.js");
const { Tally } = require("../../../../clients/medusa/dist/tally.js");

const SETTINGS = {
  host: "http://millpond.test",
  secretKey: "key",
  flushAt: 1,
  flushIntervalMs: 20,
  maxQueue: 100,
  maxRetries: 20,
  timeoutMs: 10_000,
  shutdownTimeoutMs: 5_000,
};
const KEPT = new Response('{"accepted": 1, "dropped": {}}', { status: 202 });
const busy = (seconds) => new Response("", { status: 503, headers: { "retry-after": seconds } });

/** Start a delivery; the test gives its first answer, and *answers* are the next ones. */
function begin(answers, settings = {}) {
  const sent = [];
  const warnings = [];
  const first = deferred();
  const world = {
    fetch: (_url, { body }) => {
      sent.push(body);
      return sent.length === 1 ? first.promise : Promise.resolve(answers.shift());
    },
    now: Date.now,
    random: () => 1,
  };
  const tally = new Tally({ warn: (line) => warnings.push(line) }, world.now);
  const delivery = new Delivery({ ...SETTINGS, ...settings }, "test", tally, world);
  delivery.add({ name: "order_placed" });
  return { delivery, sent, warnings, answer: first.resolve };
}

function deferred() {
  const handle = {};
  handle.promise = new Promise((resolve) => (handle.resolve = resolve));
  return handle;
}

test("a shutdown retries in time although the answer asks for a minute", async () => {
  const { delivery, sent, warnings, answer } = begin([KEPT]);
  const closed = delivery.close();
  answer(busy("60"));
  await closed;

  assert.equal(sent.length, 2);
  assert.equal(sent[0], sent[1]);
  assert.deepEqual(warnings, []);
});

test("a shutdown whose retries all fail ends in time and counts the loss", async () => {
  const answers = Array.from({ length: 100 }, () => busy("60"));
  const { delivery, sent, warnings, answer } = begin(answers, { shutdownTimeoutMs: 600 });
  const closed = delivery.close();
  answer(busy("60"));
  await closed;

  assert.ok(sent.length >= 2);
  assert.deepEqual(warnings, ["millpond: 1 event lost: the time to shut down is over"]);
});
