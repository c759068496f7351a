import fc from "fast-check";
import { expect, test } from "vitest";
import { atMost, columnsOf, optionsOf, type Series, type Spec } from "./spec";

const spec = (over: Partial<Spec> = {}): Spec => ({
  kind: "line", title: "T", finding: "F", unit: "USD", x: ["a", "b", "c"],
  series: [{ name: "s", hue: "cost", values: [1, null, 3] }], ...over,
});
const options = (of: Spec) => optionsOf(of, (name) => `#${name}`) as any;

test("bars start at zero, and nothing is HTML", () => {
  const found = options(spec({ kind: "bar" }));
  expect(found.yAxis.scale).toBe(false);
  expect(found.tooltip.renderMode).toBe("richText");
  expect(JSON.stringify(found)).not.toMatch(/<[a-z]/);
});

test("a band is its lower edge and what is above it", () => {
  const found = options(spec({ series: [{ name: "f", hue: "cost", dashed: true, values: [2, 2, 2], bands: [{ name: "80%", edges: [["1", "3"], [null, null], [1, 4]] }] }] }));
  expect(found.series).toHaveLength(3);
  expect(found.series[1].data).toEqual([2, null, 3]);
  expect(found.series[2].lineStyle.type).toEqual([5, 4]);
});

test("a month that is not over is hollow", () => {
  const found = options(spec({ series: [{ name: "s", hue: "cost", values: [1, 2, 3], open: [false, false, true] }] }));
  expect(found.series[0].data[2].itemStyle.color).toBe("#panel");
});

test("a waterfall ends where it says", () => {
  const found = options(spec({ kind: "steps", x: ["before", "volume", "price", "now"], series: [{ name: "c", hue: "cost", values: [10, 5, -3, 12] }] }));
  const [below, shown] = found.series;
  expect(below.data).toEqual([0, 10, 12, 0]);
  expect(shown.data.map((one: { value: number }) => one.value)).toEqual([10, 5, 3, 12]);
});

test("joined series keep the sum", () => {
  const values = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 3, maxLength: 3 });
  fc.assert(fc.property(fc.array(values, { minLength: 1, maxLength: 12 }), (many) => {
    const series = many.map((one, nth): Series => ({ name: String(nth), hue: "cost", values: one }));
    const joined = atMost(series);
    expect(joined.length).toBeLessThanOrEqual(6);
    for (const at of [0, 1, 2]) {
      const sum = (all: Series[]) => all.reduce((total, one) => total + Number(one.values[at] ?? 0), 0);
      expect(sum(joined)).toBe(sum(series));
    }
  }));
});

test("tables and files have what the server said, and the edges of bands beside it", () => {
  const exact = "0.100000000000000001";
  const found = columnsOf(spec({ x: ["a"], series: [{ name: "f", hue: "cost", values: [exact], bands: [{ name: "80%", edges: [[exact, null]] }] }] }));
  expect(found).toEqual([{ name: "f", values: [exact] }, { name: "Low (80%)", values: [exact] }, { name: "High (80%)", values: [null] }]);
});
