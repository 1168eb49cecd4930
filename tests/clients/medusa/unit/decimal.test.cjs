// Amounts keep every digit in every type that Medusa uses.
const assert = require("node:assert/strict");
const test = require("node:test");
const { BigNumber } = require("@medusajs/framework/utils");

const { decimal, isAmount, product } = require("../../../../clients/medusa/dist/decimal.js");

for (const [value, expected] of [
  ["59.90", "59.9"],
  [" 7 ", "7"],
  ["-0.00", "0"],
  ["+.5", "0.5"],
  ["5.", "5"],
  ["007.10", "7.1"],
  [19.99, "19.99"],
  [0.1 + 0.2, "0.30000000000000004"],
  [1e-7, "0.0000001"],
  [-1.5e-7, "-0.00000015"],
  [1e15, "1000000000000000"],
  ["1.2345e2", "123.45"],
  ["1.2345e-2", "0.012345"],
  [12n, "12"],
  ["9007199254740993.01", "9007199254740993.01"],
  [{ value: "19.990000000000000000", precision: 20 }, "19.99"],
  [{ value: 5 }, "5"],
  [new BigNumber("9007199254740993.01"), "9007199254740993.01"],
  [new BigNumber("8.3333333333333333333"), "8.3333333333333333333"],
  [new BigNumber("8.3333333333333333333").bigNumber, "8.3333333333333333333"],
  [new BigNumber(0), "0"],
  ["0." + "3".repeat(40), "0." + "3".repeat(24)],
  ["1".repeat(17), undefined],
  [Infinity, undefined],
  [NaN, undefined],
  ["12,50", undefined],
  ["1_000", undefined],
  ["0x10", undefined],
  ["", undefined],
  [".", undefined],
  ["1e9999", undefined],
]) {
  test(`${JSON.stringify(value, (_, member) => (typeof member === "bigint" ? `${member}n` : member))} is ${expected}`, () => {
    assert.equal(decimal(value), expected);
  });
}

test("a missing amount is distinguished from an unreadable amount", () => {
  for (const none of [null, undefined, true, {}, [], { label: "Parcel" }, { value: null }])
    assert.equal(isAmount(none), false);
  for (const some of ["", "12,50", 1, { value: "x" }]) assert.equal(isAmount(some), true);
});

test("a product is exact", () => {
  assert.equal(product("1.5", "9007199254740.93"), "13510798882111.395");
  assert.equal(product("-0.3", "0.1"), "-0.03");
  assert.equal(product("2", "3"), "6");
});
