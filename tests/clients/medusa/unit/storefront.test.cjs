// The storefront helper sends through the tag or directly, respects objections, never throws.
const assert = require("node:assert/strict");
const http = require("node:http");
const test = require("node:test");

const storefront = require("../../../../clients/medusa/dist/storefront.js");

const PRODUCT = { product: "mug", variant: "MUG-BLUE", price: "19.99", currency: "EUR" };
const ORDER = {
  currency: "EUR",
  items: [{ quantity: 1, product: "mug", variant: "MUG-BLUE", price: "19.99" }],
};

// The page has the globals of a browser; the server behind it is real.
async function page(run, { cookie = "", millpond, answer = '{"visit":"token"}', status = 200 } = {}) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    requests.push({ method: request.method, url: request.url, type: request.headers["content-type"], body });
    response.writeHead(status, { "content-type": "application/json" }).end(answer);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const settings = { host: `http://127.0.0.1:${server.address().port}/stats/`, site: "shop" };
  globalThis.window = { millpond };
  globalThis.document = { cookie };
  globalThis.location = { origin: "https://shop.example", pathname: "/p/mug", search: "?utm_source=x" };
  try {
    await run(settings, requests);
  } finally {
    for (const name of ["window", "document", "location"]) delete globalThis[name];
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

async function until(condition) {
  for (let tries = 0; tries < 1_000 && !condition(); tries += 1)
    await new Promise((done) => setTimeout(done, 10));
  assert.ok(condition());
}

test("a viewed product goes through the tag", async () => {
  const calls = [];
  await page(
    async (settings, requests) => {
      storefront.productViewed(PRODUCT, settings);
      assert.deepEqual(calls, [["product_viewed", {}, { order: ORDER }]]);
      assert.deepEqual(requests, []);
    },
    { millpond: (...call) => calls.push(call) }
  );
});

test("without the tag a viewed product goes to Millpond in the format of the tag", async () => {
  await page(async (settings, requests) => {
    storefront.productViewed(PRODUCT, settings);
    await until(() => requests.length);
    const [{ method, url, type, body }] = requests;
    const { id, ...event } = JSON.parse(body);
    assert.deepEqual([method, url, type], ["POST", "/stats/v1/events", "text/plain"]);
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(event, {
      site: "shop",
      name: "product_viewed",
      url: "https://shop.example/p/mug?utm_source=x",
      order: ORDER,
    });
  });
});

test("a checkout event contains the cart", async () => {
  const calls = [];
  await page(async (settings) => storefront.checkoutStarted({ cart: "c", ...ORDER }, settings), {
    millpond: (...call) => calls.push(call),
  });
  assert.deepEqual(calls, [["checkout_started", {}, { order: { cart: "c", ...ORDER } }]]);
});

test("the visit is added to the metadata of the cart", async () => {
  await page(async (settings, requests) => {
    const bodies = [];
    const cart = { metadata: { gift: true } };
    assert.equal(await storefront.keepVisit(cart, async (body) => bodies.push(body), settings), true);
    assert.deepEqual(bodies, [{ metadata: { gift: true, millpond_visit: "token" } }]);
    assert.deepEqual(requests.map(({ method, url }) => [method, url]), [["GET", "/stats/v1/visit?site=shop"]]);
  });
});

for (const [name, answerOptions] of [
  ["no visit", { answer: "{}" }],
  ["no JSON", { answer: "<html>" }],
  ["no such path", { status: 404 }],
]) {
  test(`${name}: the cart stays as it is`, async () => {
    await page(async (settings) => {
      const never = () => assert.fail("the cart was changed");
      assert.equal(await storefront.keepVisit({}, never, settings), false);
    }, answerOptions);
  });
}

test("a failing cart update causes no error", async () => {
  await page(async (settings) => {
    const broken = () => Promise.reject(new Error("no"));
    assert.equal(await storefront.keepVisit({}, broken, settings), false);
  });
});

test("no request is sent for a visitor who objected", async () => {
  const calls = [];
  await page(
    async (settings, requests) => {
      storefront.productViewed(PRODUCT, settings);
      storefront.checkoutStarted(ORDER, settings);
      assert.equal(await storefront.fetchVisit(settings), undefined);
      assert.deepEqual([calls, requests], [[], []]);
    },
    { cookie: "a=1; noanalytics=1", millpond: (...call) => calls.push(call) }
  );
});

test("during server-side rendering nothing is sent", async () => {
  storefront.productViewed(PRODUCT, { host: "http://127.0.0.1:9" });
  assert.equal(await storefront.fetchVisit({ host: "http://127.0.0.1:9" }), undefined);
});

test("an unreachable Millpond or a throwing tag causes no error", async () => {
  const throwingTag = () => {
    throw new Error("no");
  };
  await page(async (settings) => storefront.productViewed(PRODUCT, settings), { millpond: throwingTag });
  await page(async () => {
    storefront.productViewed(PRODUCT, { host: "http://127.0.0.1:9" });
    assert.equal(await storefront.fetchVisit({ host: "http://127.0.0.1:9" }), undefined);
  });
});
