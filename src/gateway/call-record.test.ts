import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import type { CallLedger } from "./call-ledger.ts";
import { CallRecord, type CallRecordParts } from "./call-record.ts";
import { unknownUsage, type TokenUsage } from "./conversation/chat-answer.ts";
import type { AttemptRecord } from "./routing/call-plan.ts";

const clock = new ManualClock(1_795_262_400_000);
const reservation = { id: "rsv_1", scopes: [], amount: 9, since: epochMs(clock.now()), sinceTick: 0 };
const attempt = (ms: number): AttemptRecord => ({ provider: "openai", model: "gpt-5", startedAt: epochMs(clock.now()), ms, outcome: "cancelled", status: null, message: null, requestId: null, hedge: false });

/** What is settled of a chat that may have 400 tokens of output, by `change`. */
async function settled(outcome: "ok" | "cancelled", change: Partial<CallRecord>): Promise<{ usage: TokenUsage; model: string; estimated: boolean } | "released"> {
  let told: Awaited<ReturnType<typeof settled>> | null = null;
  const calls = {
    spentBy: () => ({ cost: 1, priceVersion: "v" }), release: () => void (told = "released"),
    settle: (_reservation: unknown, { usage, model, estimated }: { usage: TokenUsage; model: string; estimated: boolean }) => Promise.resolve(void (told = { usage, model, estimated })),
  } as unknown as CallLedger;
  const record = new CallRecord(
    { calls, clock, logger: silentLogger, spans: { passesOver: () => true, emit: () => undefined } as unknown as CallRecordParts["spans"] },
    { attribution: { actor: "key:key_1", team: "a", project: null, route: "r", user: null, session: null, traceId: "t", agentRun: null, tags: {} }, requestId: "req_1", spanId: "s", parentSpanId: null, operation: "chat", model: "r", startedAt: clock.now() },
  );
  record.expected = { inputTokens: 100, outputTokens: 400 };
  Object.assign(record, change);
  await record.end(outcome);
  return told!;
}

it("CallRecord tells of all rounds that were begun, should this process die in the last", () => {
  const told: { inputTokens: number; mostOutputTokens: number }[] = [];
  let describeNow = (): void => undefined;
  const calls = {
    begin: (of: (id: string) => { inputTokens: number; mostOutputTokens: number }) => {
      describeNow = () => void told.push(of("led_1"));
      return { id: "led_1", changed: () => describeNow(), over: () => undefined };
    },
  } as unknown as CallLedger;
  const record = new CallRecord({ calls, clock, logger: silentLogger } as unknown as CallRecordParts, { attribution: {}, startedAt: clock.now() } as unknown as ConstructorParameters<typeof CallRecord>[1]);
  record.asksAgain(1);
  record.expected = { inputTokens: 100, outputTokens: 400 };
  record.begun({ provider: "openai", model: "gpt-5" } as Parameters<CallRecord["begun"]>[0], { settings: { kind: "openai" } } as Parameters<CallRecord["begun"]>[1]);
  describeNow();
  record.asksAgain(130);
  record.asksAgain(150);
  assert.deepEqual(told.map(({ inputTokens, mostOutputTokens }) => [inputTokens, mostOutputTokens]), [[100, 400], [230, 800], [380, 1200]]);
});

describe("a call under a budget whose caller leaves", () => {
  const target = { provider: "openai", model: "gpt-5" };

  it("before the answer begins counts its input, and what may have been written by then, up to what was asked for", async () => {
    assert.deepEqual(await settled("cancelled", { reservation, attempts: [attempt(1000)] }), { usage: { ...unknownUsage, inputTokens: 100, outputTokens: 250 }, model: "gpt-5", estimated: true });
    assert.deepEqual(await settled("cancelled", { reservation, attempts: [attempt(60_000)] }), { usage: { ...unknownUsage, inputTokens: 100, outputTokens: 400 }, model: "gpt-5", estimated: true });
    assert.equal(await settled("cancelled", { reservation }), "released");
  });

  it("in the middle of it counts what it got, and what may have been thought before", async () => {
    const usage = { ...unknownUsage, inputTokens: 90, outputTokens: 30 };
    assert.deepEqual(await settled("cancelled", { reservation, target, usage, estimated: true, firstByteMs: 400 }), { usage: { ...usage, outputTokens: 130 }, model: "gpt-5", estimated: true });
    assert.deepEqual(await settled("cancelled", { reservation, target, usage, estimated: true, firstByteMs: 9000 }), { usage: { ...usage, outputTokens: 400 }, model: "gpt-5", estimated: true });
    // The provider told it all before.
    assert.deepEqual(await settled("cancelled", { reservation, target, usage, firstByteMs: 400 }), { usage, model: "gpt-5", estimated: false });
  });

  it("is not told apart where no budget holds it, or it was answered", async () => {
    const usage = { ...unknownUsage, inputTokens: 90, outputTokens: 30 };
    for (const [outcome, change] of [["cancelled", { attempts: [attempt(1000)] }], ["ok", { reservation, target, usage, estimated: true, firstByteMs: 400 }]] as const) {
      const told = await settled(outcome, change);
      assert.deepEqual(told === "released" ? told : told.usage, "usage" in change ? usage : unknownUsage);
    }
  });
});
