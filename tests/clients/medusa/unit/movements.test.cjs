// Captures and refunds: those of the last day are reported, with the visit of the shopper.
const assert = require("node:assert/strict");
const test = require("node:test");

const { reportMovements } = require("../../../../clients/medusa/dist/subscribers/movements.js");

const NOW = Date.parse("2026-11-30T12:00:00Z");
const HOUR_MS = 3_600_000;

const refund = (id, hoursAgo) => ({ id, amount: 5, created_at: new Date(NOW - hoursAgo * HOUR_MS).toISOString() });

// Return the events that the subscriber reports for a payment, which Medusa's query returns.
async function reported(payment) {
  const events = [];
  const services = {
    query: { graph: async () => ({ data: [{ id: "pay_1", currency_code: "eur", ...payment }] }) },
    analytics: { track: async (event) => events.push(event) },
  };
  const container = { resolve: (name) => services[name] };
  await reportMovements({ event: { data: { id: "pay_1" } }, container }, "refunds", "order_refunded", "refund", NOW);
  return events;
}

const times = async (...refunds) => (await reported({ refunds })).map((event) => event.properties.millpond_at);

test("a refund of more than a day ago is not reported again", async () => {
  const [old, recent, newest] = [refund("a", 24.1), refund("b", 23.9), refund("c", 0)];
  assert.deepEqual(await times(old, recent, newest), [recent.created_at, newest.created_at]);
});

test("the newest refund is reported, however late the event comes", async () => {
  const [old, newest] = [refund("a", 80), refund("b", 50)];
  assert.deepEqual(await times(old, newest), [newest.created_at]);
});

test("refunds of one payment have different message ids, and keep them", async () => {
  const ids = async () =>
    (await reported({ refunds: [refund("a", 1), refund("b", 0)] })).map((event) => event.properties.millpond_id);
  const first = await ids();
  assert.equal(new Set(first).size, 2);
  assert.deepEqual(await ids(), first);
});

for (const [origin, order, cart, visit] of [
  ["of the cart", null, { id: "cart_1", metadata: { millpond_visit: "of-cart" } }, "of-cart"],
  ["of the cart whose order has none", { id: "o" }, { metadata: { millpond_visit: "of-cart" } }, "of-cart"],
  ["of the order", { metadata: { millpond_visit: "of-order" } }, { metadata: { millpond_visit: "of-cart" } }, "of-order"],
  ["of nobody", { metadata: null }, undefined, undefined],
])
  test(`the visit is that ${origin}`, async () => {
    const [event] = await reported({ refunds: [refund("a", 0)], payment_collection: { order, cart } });
    assert.equal(event.properties.millpond_visit, visit);
  });
