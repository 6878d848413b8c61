import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import type { CallBegun } from "../ledger/index.ts";
import type { CallLedger } from "./call-ledger.ts";
import { CallRecord, type CallRecordParts } from "./call-record.ts";
import { unknownUsage, type TokenUsage } from "./conversation/chat-answer.ts";
import type { AttemptRecord } from "./routing/call-plan.ts";

const clock = new ManualClock(1_795_262_400_000);
const reservation = { id: "rsv_1", scopes: [], amount: 9, since: epochMs(clock.now()), sinceTick: 0 };
const attempt = (ms: number, change: Partial<AttemptRecord> = {}): AttemptRecord => ({ provider: "openai", model: "gpt-5", startedAt: epochMs(clock.now()), ms, outcome: "cancelled", status: null, message: null, requestId: null, hedge: false, ...change });

/** What is settled of a chat that may have 400 tokens of output, by `change`. */
async function settled(outcome: "ok" | "cancelled" | "failed", change: Partial<CallRecord>, before: (record: CallRecord) => void = () => undefined): Promise<{ usage: TokenUsage; model: string; estimated: boolean } | "released"> {
  let told: Awaited<ReturnType<typeof settled>> | null = null;
  const calls = {
    spentBy: () => ({ cost: 1, priceVersion: "v" }), kindOf: () => "openai", release: () => void (told = "released"),
    settle: (_reservation: unknown, { usage, model, estimated }: { usage: TokenUsage; model: string; estimated: boolean }) => Promise.resolve(void (told = { usage, model, estimated })),
  } as unknown as CallLedger;
  const record = new CallRecord(
    { calls, clock, logger: silentLogger, spans: { passesOver: () => true, emit: () => undefined } as unknown as CallRecordParts["spans"] },
    { attribution: { actor: "key:key_1", team: "a", project: null, route: "r", user: null, session: null, traceId: "t", agentRun: null, tags: {} }, requestId: "req_1", spanId: "s", parentSpanId: null, operation: "chat", model: "r", startedAt: clock.now() },
  );
  record.expected = { inputTokens: 100, outputTokens: 400 };
  Object.assign(record, change);
  before(record);
  await record.end(outcome);
  return told!;
}

it("CallRecord tells of all rounds that were begun, should this process die in the last", () => {
  const told: CallBegun[] = [];
  let describeNow = (): void => undefined;
  const calls = {
    begin: (of: (id: string) => CallBegun) => {
      describeNow = () => void told.push(of("led_1"));
      return { id: "led_1", changed: () => describeNow(), over: () => undefined };
    },
  } as unknown as CallLedger;
  const record = new CallRecord({ calls, clock, logger: silentLogger } as unknown as CallRecordParts, { attribution: {}, startedAt: clock.now() } as unknown as ConstructorParameters<typeof CallRecord>[1]);
  record.asksAgain(1);
  record.expected = { inputTokens: 100, outputTokens: 400 };
  record.mostSearches = (kind, model) => (kind === "openai" && model === "gpt-5" ? 20 : assert.fail());
  record.begun({ provider: "openai", model: "gpt-5" } as Parameters<CallRecord["begun"]>[0], { settings: { kind: "openai" } } as Parameters<CallRecord["begun"]>[1]);
  describeNow();
  record.asksAgain(130);
  record.asksAgain(150);
  assert.deepEqual(told.map(({ inputTokens, mostOutputTokens, webSearches }) => [inputTokens, mostOutputTokens, webSearches]), [[100, 400, 1], [230, 800, 2], [380, 1200, 3]]);
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

describe("a call that is cut before its answer was whole", () => {
  const target = { provider: "openai", model: "gpt-5" };
  const searching = { mostSearches: () => 20 };

  it("counts one search of the web where its provider may have made some, with a budget or without one, whatever cut it", async () => {
    const ends = [["cancelled", attempt(1000)], ["failed", attempt(1000, { outcome: "timeout" })], ["failed", attempt(1000, { outcome: "unreachable", status: 200 })]] as const;
    for (const [outcome, last] of ends) {
      assert.deepEqual(await settled(outcome, { ...searching, attempts: [attempt(5, { outcome: "failed", status: 500 }), last] }), { usage: { ...unknownUsage, webSearches: 1 }, model: "gpt-5", estimated: true });
    }
    assert.deepEqual(await settled("cancelled", { ...searching, reservation, attempts: [attempt(1000)] }), { usage: { ...unknownUsage, inputTokens: 100, outputTokens: 250, webSearches: 1 }, model: "gpt-5", estimated: true });
    // One that took no connection, or refused, made none; nor does one that was not asked to.
    for (const change of [{ outcome: "unreachable" }, { outcome: "failed", status: 500 }, { outcome: "rate-limited", status: 429 }] as const) {
      assert.deepEqual(await settled("failed", { ...searching, attempts: [attempt(1000, change)] }), { usage: unknownUsage, model: "gpt-5", estimated: false });
    }
    assert.deepEqual(await settled("failed", { mostSearches: () => 0, attempts: [attempt(1000, { outcome: "timeout" })] }), { usage: unknownUsage, model: "gpt-5", estimated: false });
  });

  it("counts one in a stream that told of none, and those that it told of", async () => {
    const cut = (usage: TokenUsage): ReturnType<typeof settled> => settled("failed", { ...searching, target, usage }, (record) => record.searchedUnseen());
    assert.deepEqual(await cut(unknownUsage), { usage: { ...unknownUsage, webSearches: 1 }, model: "gpt-5", estimated: true });
    assert.deepEqual(await cut({ ...unknownUsage, webSearches: 3 }), { usage: { ...unknownUsage, webSearches: 3 }, model: "gpt-5", estimated: false });
  });

  it("counts a round of repair whose caller left beside those before it, and not one that had its answer", async () => {
    const usage = { ...unknownUsage, inputTokens: 90, outputTokens: 30 };
    const again = (isAnswered: boolean) => (record: CallRecord): void => {
      record.attempts = [attempt(50, { outcome: "ok" })];
      record.asksAgain(150);
      if (isAnswered) record.answeredAgain();
      record.attempts = [...record.attempts, attempt(1000)];
    };
    assert.deepEqual(await settled("cancelled", { reservation, target, usage }, again(false)), { usage: { ...usage, inputTokens: 240, outputTokens: 280 }, model: "gpt-5", estimated: true });
    assert.deepEqual(await settled("cancelled", { ...searching, reservation, target, usage: { ...usage, webSearches: 2 } }, again(false)), { usage: { ...usage, inputTokens: 240, outputTokens: 280, webSearches: 3 }, model: "gpt-5", estimated: true });
    // A provider that tells no usage: the first round is the estimate that it was.
    assert.deepEqual(await settled("cancelled", { reservation, target, usage: unknownUsage }, again(false)), { usage: { ...unknownUsage, inputTokens: 250, outputTokens: 250 }, model: "gpt-5", estimated: true });
    for (const [change, isAnswered] of [[{ reservation }, true], [{}, false]] as const) assert.deepEqual(await settled("cancelled", { ...change, target, usage }, again(isAnswered)), { usage, model: "gpt-5", estimated: false });
  });
});
