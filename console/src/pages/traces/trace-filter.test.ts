import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readAttributes, readDollars, readDuration, readFilter } from "./trace-filter.ts";

describe("the filter of traces", () => {
  it("reads durations, dollars and attributes as people write them", () => {
    assert.deepEqual(["250", "250 ms", "1.5s", "2 min", "1H", "soon", "-1", ""].map(readDuration), [250, 250, 1500, 120_000, 3_600_000, null, null, null]);
    assert.deepEqual(["0.01", "$2", "1e3", "x"].map(readDollars), [10_000_000, 2_000_000_000, null, null]);
    assert.deepEqual(readAttributes("gen_ai.tool.name=search, note=a, b=c"), { "gen_ai.tool.name": "search", note: "a", b: "c" });
    assert.deepEqual(readAttributes("note=one, two"), { note: "one, two" });
    assert.equal(readAttributes("=x"), null);
    assert.equal(readAttributes("word"), null);
  });

  it("makes parameters of the search out of the address, and problems of what cannot be read", () => {
    const address = new URLSearchParams("q=refund&status=error&model=gpt-5&slower=2s&cost=0.5&attributes=a%3D1&user=%20");
    assert.deepEqual(readFilter((name) => address.get(name)), {
      parameters: { text: "refund", errors: "true", model: "gpt-5", slowerThanMs: "2000", minCost: "500000000", attributes: '{"a":"1"}' }, problems: {},
    });
    const wrong = new URLSearchParams("slower=soon&cost=much&attributes=a&status=other");
    const { parameters, problems } = readFilter((name) => wrong.get(name));
    assert.deepEqual(parameters, {});
    assert.deepEqual(Object.keys(problems), ["slower", "cost", "attributes"]);
  });
});
