import fc from "fast-check";
import { expect, test } from "vitest";
import { carried, decode, encode } from "./url";

test("an address says what was put into it", () => {
  const values = fc.dictionary(fc.string({ minLength: 1, unit: "grapheme" }), fc.string({ minLength: 1, unit: "grapheme" }));
  fc.assert(fc.property(values, (search) => {
    expect(decode(encode(search))).toEqual({ ...search });
  }));
});

test("what is empty stands nowhere", () => {
  expect(encode({ range: undefined, q: "" })).toBe("");
  expect(encode({ range: "2026-10-01..2026-11-01", sort: "-cost" })).toBe("?range=2026-10-01..2026-11-01&sort=-cost");
});

test("what a figure depends on goes along, filters stay", () => {
  expect(carried({ range: "2026-10", q: "a", currency: "EUR" })).toEqual({ range: "2026-10", currency: "EUR" });
});
