// The sample shop's own code, written as in a real shop. The URL holds the cart
// (?kettle=1&blanket=2): like the tag, the shop stores nothing in the browser.

window.millpond =
  window.millpond ||
  function () {
    (millpond.q = millpond.q || []).push(arguments);
  };

const PRODUCTS = {
  kettle: { name: "Camp kettle", cents: 4900 },
  blanket: { name: "Wool blanket", cents: 8950 },
};

const CHAPTERS = {
  "guide-pack.html": [
    "What to pack",
    "Water, a kettle, a blanket, bread and a second pair of socks. Leave your phone at home, or at least in your bag.",
  ],
  "guide-fire.html": [
    "Where to make a fire",
    "On bare ground, out of the wind and close to the water. Never in the reeds.",
  ],
  "guide-leave.html": [
    "How to leave",
    "Pour water over the embers, stir them, and pour again. Take everything home except your footprints.",
  ],
};

const euros = (cents) => (cents / 100).toFixed(2);

// Amounts are sent as text with two decimals, so that there is no rounding error.
const orderOf = (lines) => ({
  currency: "EUR",
  value: euros(
    lines.reduce((sum, line) => sum + line.quantity * line.cents, 0)
  ),
  items: lines.map(({ product, quantity, cents }) => ({
    product,
    quantity,
    price: euros(cents),
  })),
});

const linesOf = (cart) =>
  Object.keys(PRODUCTS)
    .map((product) => ({
      ...PRODUCTS[product],
      product,
      quantity: Math.min(9, Math.trunc(Number(cart.get(product)) || 0)),
    }))
    .filter((line) => line.quantity > 0);

const cart = new URLSearchParams(location.search);
const element = (id) => document.getElementById(id);

// Add the cart to all links and forms, so that it survives a page load.
const carryCart = () => {
  if (!linesOf(cart).length) return;
  for (const link of document.querySelectorAll("nav a, a.brand, a.card"))
    link.search = cart;
  for (const form of document.querySelectorAll("form"))
    for (const { product, quantity } of linesOf(cart)) {
      if (form.elements[product]) continue;
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: product, value: quantity });
      form.append(field);
    }
};

const showProduct = (product) => {
  const line = { ...PRODUCTS[product], product, quantity: 1 };
  millpond("product_viewed", {}, { order: orderOf([line]) });
  const form = document.querySelector("form");
  form.addEventListener("submit", () => {
    const newCart = new URLSearchParams(new FormData(form));
    millpond("cart_updated", {}, { order: orderOf(linesOf(newCart)) });
  });
};

const showCart = () => {
  const lines = linesOf(cart);
  if (!lines.length) return;
  const order = orderOf(lines);
  element("empty").hidden = true;
  element("full").hidden = false;
  element("total").textContent = `€${order.value}`;
  for (const { name, quantity, cents } of lines) {
    const row = document.querySelector("tbody").insertRow();
    for (const text of [name, quantity, euros(cents), euros(quantity * cents)])
      row.insertCell().textContent = text;
  }
  element("checkout").addEventListener("click", () => {
    element("checkout").hidden = true;
    element("pay").hidden = false;
    millpond("checkout_started", {}, { order });
  });
  element("pay").addEventListener("click", () => {
    element("full").hidden = true;
    element("thanks").hidden = false;
    // A real shop has an order number here; the sample shop makes a random one.
    const [id] = crypto.getRandomValues(new Uint32Array(1));
    millpond(
      "order_placed",
      { payment: "invoice" },
      { order: { id: `demo-${id}`, ...order } }
    );
  });
};

const showChapter = () => {
  const [title, text] = CHAPTERS[location.pathname.split("/").pop()] || [];
  const chapter = element("chapter");
  chapter.replaceChildren();
  if (!title) return;
  for (const [tag, content] of [
    ["h2", title],
    ["p", text],
  ]) {
    const paragraph = document.createElement(tag);
    paragraph.textContent = content;
    chapter.append(paragraph);
  }
};

const showGuide = () => {
  for (const link of document.querySelectorAll(".chapters a"))
    link.addEventListener("click", (event) => {
      event.preventDefault();
      history.pushState(null, "", link.href);
      showChapter();
    });
  addEventListener("popstate", showChapter);
  showChapter();
};

element("object").addEventListener("click", () => {
  const thirteenMonths = 60 * 60 * 24 * 395;
  document.cookie = `noanalytics=1; path=/; max-age=${thirteenMonths}; samesite=lax`;
  element("object").replaceWith("Your visits are no longer counted.");
});

carryCart();
const { product, cart: isCart, guide: isGuide } = document.body.dataset;
if (product) showProduct(product);
if (isCart !== undefined) showCart();
if (isGuide !== undefined) showGuide();
