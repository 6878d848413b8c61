import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { RouteSettings } from "../schemas.ts";
import { guardContext, type GuardParts } from "./call-guards.ts";
import type { CallRecord } from "./call-record.ts";

describe("the surroundings of a call's guardrails", () => {
  it("let a classifier have what the call has left of its deadline, whenever it is asked", async () => {
    const clock = new ManualClock();
    const told: number[] = [];
    const parts: GuardParts = {
      clock, floor: { worstDollars: () => null, deadline: ({ deadlineMs }, { startedTick }) => startedTick + deadlineMs }, guardrailsOf: () => null,
      classify: (_model, _text, _within, { remainingMs }) => {
        told.push(remainingMs);
        return Promise.resolve({});
      },
    };
    const settings = RouteSettings.parse({ targets: [{ provider: "echo", model: "echo" }], deadlineMs: 3000 });
    const record = { attribution: { team: "blue", traceId: "t", actor: "key:1" }, spanId: "s", startedTick: clock.monotonic() } as CallRecord;
    clock.advance(500);
    const context = guardContext(parts, { settings, context: { now: clock.now(), signal: new AbortController().signal }, record }, { inputTokens: 1, outputTokens: 1, rateTokens: 2 } as never);
    await context.classify("words", "hello");
    clock.advance(2000);
    await context.classify("words", "the answer");
    assert.deepEqual(told, [2500, 500]);
  });
});
