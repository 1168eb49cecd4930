// Maps the properties of a track call to a native Millpond event.
const assert = require("node:assert/strict");
const test = require("node:test");
const { BigNumber } = require("@medusajs/framework/utils");

const { nativeEvent } = require("../../../../clients/medusa/dist/mapping.js");
const { messageId } = require("../../../../clients/medusa/dist/message-id.js");

const NOW = new Date("2026-11-22T10:00:00.123Z");
const mapped = (event, properties, more) =>
  nativeEvent("shop", { event, properties, ...more }, "the id", NOW);
const order = (event, properties) => mapped(event, properties).order;

test("an event without properties has a name, id and time", () => {
  assert.deepEqual(mapped("a"), {
    site: "shop",
    name: "a",
    id: "the id",
    at: "2026-11-22T10:00:00.123Z",
  });
});

test("an event has its actor, plain properties and the provider's own values", () => {
  const properties = {
    plan: "gold",
    seats: 3,
    trial: false,
    nested: { email: "a@mail.example" },
    list: ["x"],
    nothing: null,
    infinite: Infinity,
    long: "x".repeat(201),
    millpond_id: "mine",
    millpond_at: "2026-11-21T09:00:00Z",
    millpond_visit: "token",
  };
  assert.deepEqual(mapped("a", properties, { actor_id: "cus_1", group: { type: "t", id: "g" } }), {
    site: "shop",
    name: "a",
    id: "mine",
    at: "2026-11-21T09:00:00.000Z",
    actor: "cus_1",
    props: { plan: "gold", seats: 3, trial: false },
    visit: "token",
  });
});

test("invalid provider properties are ignored", () => {
  const odd = { millpond_id: 7, millpond_at: "yesterday", millpond_visit: "x".repeat(5_000) };
  assert.deepEqual(mapped("a", odd), mapped("a"));
});

test("the number of properties is bounded", () => {
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`p${index}`, 1]));
  assert.equal(Object.keys(mapped("a", many).props).length, 100);
});

test("an order is read with the field names of other tools", () => {
  const properties = {
    order_id: "order-1001",
    currency: "EUR",
    total: 59.9,
    revenue: 50,
    tax: 5,
    shipping: 4.9,
    coupon: "SPRING",
    products: [
      { product_id: "prod-1", sku: "MUG-BLUE", name: "Mug", price: 15, quantity: 2 },
      { product_id: "prod-2", price: "20.00" },
    ],
    plan: "gold",
  };
  const { order, props } = mapped("order_placed", properties);
  assert.deepEqual(order, {
    id: "order-1001",
    currency: "EUR",
    coupon: "SPRING",
    value: "59.9",
    tax: "5",
    shipping: "4.9",
    items: [
      { product: "prod-1", sku: "MUG-BLUE", variant: "MUG-BLUE", quantity: 2, price: "15" },
      { product: "prod-2", quantity: 1, price: "20" },
    ],
  });
  assert.deepEqual(props, { plan: "gold" });
});

test("the exact value outranks the rounded one", () => {
  const total = { total: 0.30000000000000004, raw_total: { value: "0.3", precision: 20 } };
  assert.equal(order("order_placed", total).value, "0.3");
  assert.equal(order("order_placed", { total: new BigNumber("59.900") }).value, "59.9");
});

test("an order object outranks the properties around it", () => {
  const properties = { id: "x", total: 1, order: { id: "o", total: 2, cart: "c" } };
  assert.deepEqual(order("order_placed", properties), { id: "o", cart: "c", value: "2" });
});

test("an id is an order or cart id only for order and cart events", () => {
  assert.deepEqual(order("order.placed", { id: "o" }), { id: "o" });
  assert.deepEqual(order("cart.updated", { id: "c" }), { cart: "c" });
  assert.deepEqual(order("checkout_started", { id: "c" }), { cart: "c" });
  assert.equal(order("payment.captured", { id: "p" }), undefined);
  assert.equal(order("payment.refunded", { id: "p" }), undefined);
  assert.equal(mapped("customer.created", { id: "cus" }).props, undefined);
});

test("the event decides whether an amount is a value or a refund", () => {
  assert.deepEqual(order("payment.captured", { amount: 7 }), { value: "7" });
  assert.deepEqual(order("payment.refunded", { amount: 7 }), { refund: "7" });
  assert.deepEqual(order("order_refunded", { refund_amount: 5, amount: 7 }), { refund: "5" });
  assert.equal(order("order_placed", { amount: 7 }), undefined);
});

test("a viewed product becomes the only line of the order", () => {
  const properties = { product_id: "p", variant_id: "v", price: 9.5, currency: "EUR", quantity: 7 };
  assert.deepEqual(order("product_viewed", properties), {
    currency: "EUR",
    items: [{ product: "p", variant: "v", quantity: 1, price: "9.5" }],
  });
  assert.deepEqual(order("product_viewed", { currency: "EUR" }), { currency: "EUR" });
});

test("a line without a product is custom, and a fractional quantity is one piece", () => {
  const items = [
    { title: "Engraving for A. Person", unit_price: 5, quantity: 1 },
    { product_handle: "cloth", unit_price: "19.99", quantity: new BigNumber("1.5") },
    { product_handle: "cloth", quantity: "0.5" },
  ];
  assert.deepEqual(order("order_placed", { items }).items, [
    { product: "custom", quantity: 1, price: "5" },
    { product: "cloth", quantity: 1, price: "29.985" },
    { product: "cloth", quantity: 1 },
  ]);
});

test("lines are bounded by the limit of Millpond", () => {
  const items = Array.from({ length: 3_000 }, () => ({ product_id: "p" }));
  assert.equal(order("order_placed", { items }).items.length, 2_000);
});

test("an unreadable amount is named without its value", () => {
  const bad = () => mapped("order_placed", { tax_total: "canary@mail.example" });
  assert.throws(bad, { message: "tax_total is not an amount" });
  // A value that is not an amount is a different field of the same name.
  assert.equal(order("order_placed", { shipping: { label: "Parcel" } }), undefined);
});

test("a message id is a UUID that depends only on its input", () => {
  const id = messageId("order_placed", "order_1");
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(id, messageId("order_placed", "order_1"));
  assert.notEqual(id, messageId("order_placed", "order_2"));
  assert.notEqual(messageId("a", "bc"), messageId("ab", "c"));
});
