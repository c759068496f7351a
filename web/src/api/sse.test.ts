import fc from "fast-check";
import { expect, test } from "vitest";
import { reader } from "./sse";

test("events are the same, however the stream is cut", () => {
  const texts = fc.array(fc.string(), { minLength: 1, maxLength: 6 });
  fc.assert(fc.property(texts, fc.integer({ min: 1, max: 9 }), (all, size) => {
    const stream = all.map((text, nth) => `id: r-${nth}\nevent: token\ndata: ${JSON.stringify({ text })}\n\n`).join("");
    const read = reader();
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...read(stream.slice(at, at + size)));
    expect(found).toEqual(all.map((text, nth) => ({ event: "token", data: { text }, id: `r-${nth}` })));
  }));
});
