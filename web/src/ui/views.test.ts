import fc from "fast-check";
import { expect, test } from "vitest";
import { readViews, writeViews } from "./views";

test("a view comes back as it was kept, whatever stands in its address", () => {
  const text = fc.string({ minLength: 1, unit: "grapheme" });
  const search = fc.dictionary(text, text, { noNullPrototype: true });
  const path = fc.constantFrom("/", "/tenants", "/tenants/%E2%80%AE%3Cb%3E", "/explore/cost_per_tenant");
  fc.assert(fc.property(fc.array(fc.record({ name: text, path, search })), (views) => {
    expect(readViews(writeViews(views))).toEqual(views);
  }));
});

test("what is no view is left out", () => {
  for (const text of [null, "", "{", "7", "null", '[null, 1, {}, {"name": 1, "at": "/"}, {"name": "x", "at": "javascript:1"}]']) {
    expect(readViews(text).filter((one) => !one.path.startsWith("/"))).toEqual([]);
  }
});
