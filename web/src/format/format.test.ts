import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toCsv } from "./csv";
import { change, count, money, points, quantity, ratio, shortMoney, sum, unitCost } from "./numbers";
import { ago, comparedWith, monthEnd, readWindow, shiftMonths, windowName } from "./times";

describe("numbers", () => {
  test("money has cents below 100, a true minus, and no minus before nothing", () => {
    expect(money("99.999", "USD")).toBe("$100.00");
    expect(money("12069.2", "USD")).toBe("$12,069");
    expect(money("-4.45", "USD")).toBe("\u2212$4.45");
    expect(money("-0.0001", "USD")).toBe("\u2212$0.0001");
    expect(money("0", "USD")).toBe("$0");
    expect(money("5", "")).toBe("5.00");
    expect(money("-0.3e-400", "EUR")).toBe("€0");
    expect(money("5", "USD", { sign: true })).toBe("+$5.00");
  });
  test("what is not known is n/a, never 0", () => {
    for (const written of [money(null, "USD"), ratio(null), change("1", "0"), change("1", null), points(null, 0.1), count(undefined), quantity("")]) {
      expect(written).toBe("n/a");
    }
  });
  test("ratios change in points, money in percent", () => {
    expect(ratio(0.5762)).toBe("57.6%");
    expect(points(0.457, 0.483)).toBe("\u22122.6 pts");
    expect(change("105.5", "100")).toBe("+5.5%");
    expect(change("-90", "-100")).toBe("+10.0%");
  });
  test("axes and units are short", () => {
    expect(shortMoney(12_000, "USD")).toBe("$12k");
    expect(unitCost("0.0000416588", "USD")).toBe("$0.0000417");
    expect(quantity("265781873")).toBe("265.8M");
  });
  test("sums are exact", () => {
    expect(sum(["0.1", "0.2", null, undefined])).toBe("0.3");
    expect(sum(["-12069.200000000000000001", "0.2"])).toBe("-12069.000000000000000001");
    expect([sum([]), sum(["5", "-5"]), sum(["100"])]).toEqual(["0", "0", "100"]);
    const places = 10n ** 18n;
    const text = (units: bigint) => `${units < 0n ? "-" : ""}${(units < 0n ? -units : units) / places}.${String((units < 0n ? -units : units) % places).padStart(18, "0")}`;
    fc.assert(fc.property(fc.array(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })), (units) => {
      const found = sum(units.map(text));
      const [whole, part = ""] = found.replace("-", "").split(".");
      expect(BigInt(whole + part.padEnd(18, "0")) * (found.startsWith("-") ? -1n : 1n)).toBe(units.reduce((all, one) => all + one, 0n));
    }));
  });
  test("any decimal text can be shown", () => {
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(money(String(value), "USD")).toMatch(/^[+\u2212]?\$[\d,]+(\.\d+)?$/);
    }));
  });
});

describe("windows", () => {
  test("are shown with their last month or day", () => {
    expect(windowName("2026-10")).toBe("Oct 2026");
    expect(windowName("2026-10-01..2026-11-01")).toBe("Oct 2026");
    expect(windowName("2026-08-01..2026-11-01")).toBe("Aug \u2013 Oct 2026");
    expect(windowName("2025-11-01..2026-02-01")).toBe("Nov 2025 \u2013 Jan 2026");
    expect(windowName("2026-10-03..2026-10-10")).toBe("Oct 3, 2026 \u2013 Oct 9, 2026");
  });
  test("that are none are refused", () => {
    for (const text of ["", "x", "2026-13", "2026-02-30..2026-03-01", "2026-03-01..2026-03-01", "2026-3"]) expect(readWindow(text)).toBeNull();
  });
  test("months go both ways", () => {
    fc.assert(fc.property(fc.integer({ min: 1990, max: 2100 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: -200, max: 200 }), (year, month, by) => {
      const start = `${year}-${String(month).padStart(2, "0")}-01`;
      expect(shiftMonths(shiftMonths(start, by), -by)).toBe(start);
    }));
  });
  test("are compared with as many months before, the year before, others, or nothing", () => {
    const months = "2026-08-01..2026-11-01";
    expect(comparedWith(months, { compare: "previous" })).toBe("2026-05-01..2026-08-01");
    expect(comparedWith("2026-01", { compare: "previous" })).toBe("2025-12-01..2026-01-01");
    expect(comparedWith(months, { compare: "year" })).toBe("2025-08-01..2025-11-01");
    expect(comparedWith(months, { compare: "previous", against: "2026-02" })).toBe("2026-02");
    expect([comparedWith(months, { compare: "none" }), comparedWith("", { compare: "year" })]).toEqual([null, null]);
    expect([monthEnd("2026-10-01"), monthEnd("2028-02-01")]).toEqual(["2026-10-31", "2028-02-29"]);
  });
  test("ago", () => {
    const now = Date.parse("2026-11-22T10:00:00Z");
    expect(ago("2026-11-22T09:56:00Z", now)).toBe("4 min ago");
    expect(ago("2026-11-20T09:56:00Z", now)).toBe("2 days ago");
    expect(ago("2026-11-22T10:00:05Z", now)).toBe("just now");
  });
});

/** Reads CSV back, as RFC 4180 has it. */
function read(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === "\r\n") {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

describe("CSV", () => {
  test("reads back as what was written", () => {
    const cell = fc.string().map((text) => text.replace(/^[=+\-@\t\r]+/, ""));
    fc.assert(fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (rows) => {
      expect(read(toCsv(["a", "b"], rows))).toEqual([["a", "b"], ...rows]);
    }));
  });
  test("keeps exact numbers, and runs nothing in a spreadsheet", () => {
    expect(toCsv(["x"], [["-1.190590494479116793"], ["=1+1"], [null], ["@a"]])).toBe("x\r\n-1.190590494479116793\r\n'=1+1\r\n\r\n'@a\r\n");
  });
});
