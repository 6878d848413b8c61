import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { assertJsonBounds, type JsonBounds } from "./json-bounds.ts";

const within = (text: string, bounds: JsonBounds): boolean => {
  try {
    assertJsonBounds(Buffer.from(text), bounds);
    return true;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "INVALID_JSON");
    return false;
  }
};

/** The same by walking what was read. */
function measured(value: unknown): JsonBounds {
  if (typeof value !== "object" || value === null) return { depth: 0, containers: 0, neighbours: 0 };
  const inner = Object.values(value).map(measured);
  const sumOf = (name: "containers" | "neighbours"): number => inner.reduce((sum, each) => sum + each[name], 0);
  return { depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)), containers: 1 + sumOf("containers"), neighbours: Math.max(0, inner.length - 1) + sumOf("neighbours") };
}

describe("bounds of JSON", () => {
  it("are those of what is read from it, for any document", () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value, null, 1);
      const own = measured(value);
      assert.ok(within(text, own), text);
      for (const name of ["depth", "containers", "neighbours"] as const) if (own[name] > 0) assert.ok(!within(text, { ...own, [name]: own[name] - 1 }), `${name} of ${text}`);
    }));
  });

  it("count nothing of what stands in strings, however it is escaped", () => {
    for (const text of ["[[[{,", '"[[', '\\"[[', "\\", '\\\\"{,', "é[,"]) {
      assert.ok(within(JSON.stringify({ [text]: text }), { depth: 1, containers: 1, neighbours: 0 }), text);
      assert.ok(within(JSON.stringify([text, text]), { depth: 1, containers: 1, neighbours: 1 }), text);
    }
  });

  it("leave what is no JSON to its reader", () => {
    for (const text of ["", "]]]]", '"', '{"a', "}{", "\\"]) assert.ok(within(text, { depth: 1, containers: 2, neighbours: 0 }), text);
  });
});
