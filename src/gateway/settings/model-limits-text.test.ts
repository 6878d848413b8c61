import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { modelLimitsOf } from "./model-limits-text.ts";

describe("limits of models as text", () => {
  it("are read, names with colons too", () => {
    const lines = ["gpt-5=tokensPerMinute:30000,concurrency:8", "*=requestsPerMinute:60,queue:0,queueMs:10000", "llama3:8b=concurrency:1"];
    assert.deepEqual(modelLimitsOf(lines), { "gpt-5": { tokensPerMinute: 30000, concurrency: 8 }, "*": { requestsPerMinute: 60, queue: 0, queueMs: 10_000 }, "llama3:8b": { concurrency: 1 } });
    assert.deepEqual(modelLimitsOf([" gpt-5 = concurrency : 2 , queue : 1 ", "old=none"]), { "gpt-5": { concurrency: 2, queue: 1 }, old: null });
  });

  it("say how they are written where they cannot be read", () => {
    for (const line of ["gpt-5", "=concurrency:1", "gpt-5=", "gpt-5=concurrency", "gpt-5=calls:3", "gpt-5=concurrency:-1", "gpt-5=constructor:1"]) assert.throws(() => modelLimitsOf([line]), { code: "INVALID_REQUEST", message: /such as gpt-5=/ }, line);
  });
});
