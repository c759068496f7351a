import { expect, test } from "vitest";
import { layers } from "../pages/lineage_layers";
import { compared, declared, heading, straight, written, type Column } from "./columns";
import { arranged, csvOf } from "./rows";

const columns: Column<{ name: string; cost: string | null; currency: string }>[] = [
  { key: "name", title: "Name" },
  { key: "cost", title: "Cost", kind: "money" },
];
const rows = [
  { name: "b", cost: "9.5", currency: "USD" },
  { name: "a", cost: null, currency: "USD" },
  { name: "c", cost: "10", currency: "USD" },
];

test("numbers sort as numbers, and what is missing comes last either way", () => {
  const names = (sort: string) => arranged(rows, columns, sort, "", {}).map((row) => row.name).join("");
  expect([names("cost"), names("-cost"), names("name"), names("")]).toEqual(["bca", "cba", "abc", "bac"]);
  expect(compared("", "x", "text", true)).toBe(1);
});

test("filters look at texts, facets at whole values", () => {
  expect(arranged(rows, columns, "", "B", {})).toHaveLength(1);
  expect(arranged(rows, columns, "", "9", {})).toHaveLength(0);
  expect(arranged(rows, columns, "", "", { name: "c" })).toHaveLength(1);
});

test("CSV holds the rows of the screen, exactly, with their currency", () => {
  expect(csvOf(arranged(rows, columns, "-cost", "", {}), columns)).toBe("Name,Cost,Currency\r\nc,10,USD\r\nb,9.5,USD\r\na,,USD\r\n");
});

test("columns are written by role and unit", () => {
  const column = (unit: string, name = "x") => declared({ name, role: "measure", unit, description: "" }, 1);
  expect(written("0.5", column("ratio").kind)).toBe("50.0%");
  expect(written("1234.5", column("money").kind, "USD")).toBe("$1,235");
  expect(column("money", "cost_per_unit").kind).toBe("unit");
  expect([heading("tenant_id"), heading("service_name"), heading("margin_ratio")]).toEqual(["Tenant", "Service", "Margin ratio"]);
});

test("a name cannot turn the figures of a sentence around", () => {
  expect(straight("\u202eevil\u2066: costs $1,234.")).toBe("evil: costs $1,234.");
});

test("lineage puts each dataset below all that read it", () => {
  const reads = new Map([["margin", ["cost", "subs"]], ["cost", ["charges"]], ["other", ["charges", "cost"]]]);
  expect(layers(["margin", "other"], reads)).toEqual([["margin", "other"], ["cost", "subs"], ["charges"]]);
});
