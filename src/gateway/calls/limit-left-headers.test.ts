import assert from "node:assert/strict";
import { it } from "node:test";
import { epochMs } from "../../core/clock.ts";
import { goDuration, leastLeft, limitLeftHeaders, type ToldLimits } from "./limit-left-headers.ts";

const told: ToldLimits = { at: epochMs(Date.UTC(2026, 0, 1)), left: { requests: { limit: 60, remaining: 59, resetMs: 1000 }, tokens: { limit: 40_000, remaining: 0, resetMs: 59_001 } } };

it("tells limits as OpenAI does", () => {
  for (const protocol of ["openai-chat", "openai-completions", "openai-responses", "openai-embeddings", "rerank"] as const) {
    assert.deepEqual(limitLeftHeaders(told, protocol), {
      "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s", "x-ratelimit-limit-tokens": "40000", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "59.001s",
    }, protocol);
  }
});

it("tells limits as Anthropic does, in whole seconds and not too early", () => {
  assert.deepEqual(limitLeftHeaders(told, "anthropic-messages"), {
    "anthropic-ratelimit-requests-limit": "60", "anthropic-ratelimit-requests-remaining": "59", "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:01Z",
    "anthropic-ratelimit-tokens-limit": "40000", "anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-01-01T00:01:00Z",
  });
});

it("says nothing of what is not limited", () => {
  assert.deepEqual(limitLeftHeaders({ ...told, left: { requests: null, tokens: null } }, "openai-chat"), {});
  assert.deepEqual(Object.keys(limitLeftHeaders({ ...told, left: { ...told.left, tokens: null } }, "anthropic-messages")), ["anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"]);
});

it("takes of each measure the one that has less left, and of two decisions what is left of the time of the first", () => {
  const wide = { limit: 500, remaining: 499, resetMs: 120 };
  const later = (left: ToldLimits["left"]): ToldLimits => ({ at: epochMs(told.at + 400), left });
  assert.equal(leastLeft(null, told), told);
  assert.deepEqual(leastLeft(told, later({ requests: wide, tokens: wide })), later({ requests: { limit: 60, remaining: 59, resetMs: 600 }, tokens: { limit: 40_000, remaining: 0, resetMs: 58_601 } }));
  const none = { limit: 1, remaining: 0, resetMs: 60_000 };
  assert.deepEqual(leastLeft(told, later({ requests: none, tokens: none })), later({ requests: none, tokens: none }));
  assert.deepEqual(leastLeft(told, later({ requests: null, tokens: { ...none, resetMs: 5 } })), later({ requests: { limit: 60, remaining: 59, resetMs: 600 }, tokens: { limit: 40_000, remaining: 0, resetMs: 58_601 } }));
  assert.deepEqual(leastLeft({ ...told, left: { requests: null, tokens: null } }, later({ requests: wide, tokens: null })), later({ requests: wide, tokens: null }));
  assert.deepEqual(leastLeft({ ...told, left: { requests: { limit: 1, remaining: 0, resetMs: 100 }, tokens: null } }, later({ requests: wide, tokens: null })).left.requests, { limit: 1, remaining: 0, resetMs: 0 });
});

it("writes spans of time as Go does", () => {
  const written = { 0: "0s", 1: "1ms", 999: "999ms", 1000: "1s", 8640: "8.64s", 59_999: "59.999s", 60_000: "1m0s", 360_000: "6m0s", 3_599_001: "59m59.001s", 3_600_000: "1h0m0s", 86_400_500: "24h0m0.5s", 1_000_000_000_000: "277777h46m40s" };
  for (const [milliseconds, text] of Object.entries(written)) assert.equal(goDuration(Number(milliseconds)), text);
});
