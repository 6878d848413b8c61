import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { epochMs, ManualClock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import type { CallBegun } from "../../ledger/index.ts";
import type { CallLedger, UnwrittenEntry } from "./call-ledger.ts";
import { CallRecord, type CallRecordParts } from "./call-record.ts";
import { unknownUsage, type TokenUsage } from "../conversation/chat-answer.ts";
import type { Ticket } from "../limits/index.ts";
import type { AttemptRecord } from "../routing/call-plan.ts";

const clock = new ManualClock(1_795_262_400_000);
const reservation = { id: "rsv_1", scopes: [], amount: 9, since: epochMs(clock.now()), sinceTick: 0 };
const attempt = (ms: number, change: Partial<AttemptRecord> = {}): AttemptRecord => ({ provider: "openai", model: "gpt-5", since: clock.monotonic(), ms, outcome: "cancelled", status: null, message: null, requestId: null, hedge: false, sent: true, ...change });

interface Written {
  usage: TokenUsage;
  model: string;
  estimated: boolean;
}

/** What is settled of a chat that may have 400 tokens of output, by `change`: its own entry, and those beside it. Each costs 1. */
async function settledAll(outcome: "ok" | "cancelled" | "failed", change: Partial<CallRecord>, before: (record: CallRecord) => void = () => undefined): Promise<{ own: Written; beside: (Written & { outcome: string; cost: number | null })[]; cost: number | null } | "released"> {
  let told: Awaited<ReturnType<typeof settledAll>> | null = null;
  const calls = {
    nextId: () => "led_1", spentBy: () => ({ cost: 1, priceVersion: "v" }), kindOf: () => "openai", providerName: () => "openai", release: () => void (told = "released"),
    settle: (_reservation: unknown, own: UnwrittenEntry, beside: readonly UnwrittenEntry[]) => {
      const written = ({ usage, model, estimated }: UnwrittenEntry): Written => ({ usage, model, estimated });
      told = { own: written(own), beside: beside.map((other) => ({ ...written(other), outcome: other.outcome, cost: other.cost })), cost: null };
      return Promise.resolve();
    },
  } as unknown as CallLedger;
  const record = new CallRecord(
    { calls, clock, logger: silentLogger, spans: { passesOver: () => true, emit: () => undefined } as unknown as CallRecordParts["spans"] },
    { attribution: { actor: "key:key_1", team: "a", project: null, route: "r", user: null, session: null, traceId: "t", agentRun: null, tags: {} }, requestId: "req_1", spanId: "s", parentSpanId: null, operation: "chat", model: "r", startedAt: clock.now() },
  );
  record.begins({ inputTokens: 100, outputTokens: 400 });
  Object.assign(record, change);
  before(record);
  const { cost } = await record.end(outcome);
  assert.deepEqual(await record.end(outcome), await record.end("ok"));
  const all = told as Awaited<ReturnType<typeof settledAll>> | null;
  return all === "released" ? all : { ...all!, cost };
}

/** The own entry alone, of a call that has no other. */
async function settled(...call: Parameters<typeof settledAll>): Promise<Written | "released"> {
  const told = await settledAll(...call);
  if (told === "released") return told;
  assert.deepEqual(told.beside, []);
  return told.own;
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
  record.begins({ inputTokens: 100, outputTokens: 400 });
  record.mostSearches = (kind, model) => (kind === "openai" && model === "gpt-5" ? 20 : assert.fail());
  record.begun({ provider: "openai", model: "gpt-5" } as Parameters<CallRecord["begun"]>[0], { settings: { kind: "openai" } } as Parameters<CallRecord["begun"]>[1]);
  describeNow();
  record.asksAgain(130);
  record.asksAgain(150);
  assert.deepEqual(told.map(({ inputTokens, mostOutputTokens, webSearches }) => [inputTokens, mostOutputTokens, webSearches]), [[100, 400, 1], [230, 800, 2], [380, 1200, 3]]);
});

it("CallRecord tells of a round that another target answered beside the one under way, should this process die in it", () => {
  const told: CallBegun[] = [];
  let next = 1;
  const calls = {
    nextId: () => `led_${++next}`,
    begin: (of: (id: string) => CallBegun) => ({ id: "led_1", changed: () => void told.push(of("led_1")), over: () => undefined }),
  } as unknown as CallLedger;
  const record = new CallRecord({ calls, clock, logger: silentLogger } as unknown as CallRecordParts, { attribution: {}, startedAt: clock.now() } as unknown as ConstructorParameters<typeof CallRecord>[1]);
  const begun = (model: string): ReturnType<CallRecord["begun"]> => record.begun({ provider: "openai", model } as Parameters<CallRecord["begun"]>[0], { settings: { kind: "openai" } } as Parameters<CallRecord["begun"]>[1]);
  record.begins({ inputTokens: 100, outputTokens: 400 });
  begun("one")(attempt(800, { model: "one", outcome: "ok" }));
  record.asksAgain(130);
  begun("two");
  assert.deepEqual(told.map(({ model, inputTokens, mostOutputTokens, beside = [] }) => [model, inputTokens, mostOutputTokens, beside.map((one) => [one.id, one.model, one.inputTokens, one.mostOutputTokens, one.ended])]), [
    ["one", 230, 800, []],
    ["two", 130, 400, [["led_2", "one", 100, 400, { ms: 800, outcome: "failed-over" }]]],
  ]);
});

const target = { provider: "openai", model: "gpt-5" };
/** The answer began after so long. */
const answered = (ms: number): AttemptRecord => attempt(ms, { outcome: "ok", status: 200 });
const estimate = (inputTokens: number, outputTokens: number): TokenUsage => ({ ...unknownUsage, inputTokens, outputTokens });
const ends = [["cancelled", {}], ["failed", { outcome: "timeout" }], ["failed", { outcome: "unreachable" }], ["failed", { outcome: "unreachable", status: 200 }], ["failed", { outcome: "broken-answer", status: 200 }]] as const;

describe("a call that gets no answer, under a budget or not", () => {
  it("counts its input, and what may have been written by then, up to what was asked for, whoever cut it", async () => {
    for (const [outcome, change] of ends) {
      for (const [ms, output] of [[1000, 250], [1, 1], [0, 0], [60_000, 400]] as const) {
        for (const held of [{}, { reservation }]) assert.deepEqual(await settled(outcome, { ...held, attempts: [attempt(ms, change)] }), { usage: estimate(100, output), model: "gpt-5", estimated: true }, `${outcome} ${ms}`);
      }
    }
    assert.equal(await settled("cancelled", { reservation }), "released");
  });

  it("counts nothing of a provider that never had the request whole, or refused it", async () => {
    const refusals = [{ outcome: "failed", status: 500 }, { outcome: "rate-limited", status: 429 }, { outcome: "timeout", status: 503 }, { outcome: "broken-answer", status: 302 }, { outcome: "timeout", sent: false }, { outcome: "cancelled", sent: false }, { outcome: "unreachable", sent: false }] as const;
    for (const change of refusals) assert.deepEqual(await settled("failed", { attempts: [attempt(1000, change)] }), { usage: unknownUsage, model: "gpt-5", estimated: false });
  });
});

it("a call that ends when other prices hold costs what they were when it began, with all that is beside it", async () => {
  const time = new ManualClock(1_795_305_599_000);
  const pricedAt: number[] = [];
  const calls = {
    nextId: () => "led_1", kindOf: () => "openai", providerName: () => "openai", settle: () => Promise.resolve(),
    spentBy: (_target: unknown, _usage: unknown, at: number) => {
      pricedAt.push(at);
      return { cost: 1, priceVersion: "v" };
    },
  } as unknown as CallLedger;
  const record = new CallRecord({ calls, clock: time, logger: silentLogger, spans: { passesOver: () => true, emit: () => undefined } } as unknown as CallRecordParts, { attribution: { route: "r" }, startedAt: time.now() } as unknown as ConstructorParameters<typeof CallRecord>[1]);
  record.begins({ inputTokens: 100, outputTokens: 400 });
  const before = time.now();
  time.advance(5000);
  Object.assign(record, { target, attempts: [attempt(1000, { outcome: "timeout" }), answered(50)] });
  await record.end("ok");
  assert.deepEqual(pricedAt, [before, before]);
});

describe("a call whose stream is cut", () => {
  const usage = { ...unknownUsage, inputTokens: 90, outputTokens: 30 };
  const cut = (change: Partial<CallRecord>, outcome: "cancelled" | "failed" = "cancelled"): ReturnType<typeof settled> => settled(outcome, { target, usage, estimated: true, ...change }, (record) => record.cutShort());

  it("counts what it got, and what may have been thought before", async () => {
    for (const outcome of ["cancelled", "failed"] as const) {
      assert.deepEqual(await cut({ attempts: [answered(400)] }, outcome), { usage: { ...usage, outputTokens: 130 }, model: "gpt-5", estimated: true });
      assert.deepEqual(await cut({ attempts: [answered(9000)] }, outcome), { usage: { ...usage, outputTokens: 400 }, model: "gpt-5", estimated: true });
      // A provider that was asked for less wrote more.
      assert.deepEqual(await cut({ attempts: [answered(9000)], usage: { ...usage, outputTokens: 500 } }, outcome), { usage: { ...usage, outputTokens: 500 }, model: "gpt-5", estimated: true });
    }
    // The provider told it all before.
    assert.deepEqual(await cut({ attempts: [answered(400)], estimated: false }), { usage, model: "gpt-5", estimated: false });
  });

  it("counts nothing more where the answer was whole, or is", async () => {
    for (const outcome of ["ok", "failed"] as const) assert.deepEqual(await settled(outcome, { target, usage, estimated: true, attempts: [answered(400)] }), { usage, model: "gpt-5", estimated: true });
  });

  it("does not take the time of attempts before it for thinking", async () => {
    const told = await settledAll("failed", { target, usage, estimated: true, firstByteMs: 1400, attempts: [attempt(1000, { provider: "slow", outcome: "timeout" }), answered(400)] }, (record) => record.cutShort());
    assert.deepEqual(told === "released" ? told : [told.own.usage.outputTokens, told.beside.map(({ usage: { outputTokens } }) => outputTokens)], [130, [250]]);
  });
});

describe("attempts that may have worked beside the one that answered", () => {
  const usage = { ...unknownUsage, inputTokens: 90, outputTokens: 30 };

  it("are entries of their own: what was not heard in time, what broke off, the slower of two", async () => {
    const attempts = [attempt(1000, { model: "a", outcome: "timeout" }), attempt(5, { model: "b", outcome: "failed", status: 500 }), attempt(200, { model: "c" }), answered(50)];
    const beside = [{ usage: estimate(100, 250), model: "a", estimated: true, outcome: "failed-over", cost: 1 }, { usage: estimate(100, 50), model: "c", estimated: true, outcome: "outrun", cost: 1 }];
    assert.deepEqual(await settledAll("ok", { target, usage, attempts }), { own: { usage, model: "gpt-5", estimated: false }, beside, cost: 3 });
    // Where none answered, the last is the call's own.
    assert.deepEqual(await settledAll("failed", { attempts: attempts.slice(0, 3) }), { own: { usage: estimate(100, 50), model: "c", estimated: true }, beside: beside.slice(0, 1), cost: 2 });
    assert.deepEqual(await settledAll("ok", { cached: true, attempts: [attempt(1)] }), { own: { usage: unknownUsage, model: "gpt-5", estimated: false }, beside: [], cost: 0 });
  });

  it("are each counted once: tokens are those of answers and of every attempt that may have worked, and one more never makes them fewer", async () => {
    const outcomes = ["ok", "timeout", "unreachable", "broken-answer", "cancelled", "failed", "rate-limited"] as const;
    const anyAttempt = fc.record({ provider: fc.constantFrom("a", "b"), ms: fc.nat(3000), outcome: fc.constantFrom(...outcomes.slice(1)), status: fc.constantFrom(null, 200, 500), sent: fc.boolean() }).map((change) => attempt(0, change));
    const sumOf = async (attempts: readonly AttemptRecord[], isAnswered: boolean): Promise<{ input: number; output: number; entries: number }> => {
      const told = await settledAll(isAnswered ? "ok" : "failed", isAnswered ? { target, usage, attempts: [...attempts, answered(10)] } : { attempts });
      if (told === "released") return { input: 0, output: 0, entries: 0 };
      const all = [told.own, ...told.beside];
      const sum = (field: "inputTokens" | "outputTokens"): number => all.reduce((total, { usage: used }) => total + (used[field] ?? 0), 0);
      return { input: sum("inputTokens"), output: sum("outputTokens"), entries: all.length };
    };
    await fc.assert(fc.asyncProperty(fc.array(anyAttempt, { maxLength: 6 }), anyAttempt, fc.boolean(), async (attempts, more, isAnswered) => {
      const worked = attempts.filter(({ outcome, status, sent }) => sent && status !== 500 && !["failed", "rate-limited"].includes(outcome));
      const sum = await sumOf(attempts, isAnswered);
      const own = isAnswered ? { input: 90, output: 30 } : { input: 0, output: 0 };
      assert.deepEqual([sum.input, sum.output], [own.input + 100 * worked.length, own.output + worked.reduce((total, { ms }) => total + Math.min(400, Math.ceil(ms / 4)), 0)]);
      assert.ok(sum.entries <= attempts.length + 1);
      const after = await sumOf([...attempts, more], isAnswered);
      assert.ok(after.input >= sum.input && after.output >= sum.output);
    }));
  });

  it("count in limits of tokens: of key and route with the answer, of their provider and model by themselves", async () => {
    const settledBy = (given: Map<string, number[]>, name: string): Ticket => ({ waitedMs: 0, left: () => ({ requests: null, tokens: null }), settle: (tokens) => void given.set(name, [...(given.get(name) ?? []), tokens]), leave: () => undefined, giveBack: () => undefined });
    const attempts = [attempt(1000, { model: "a", outcome: "timeout" }), attempt(5, { model: "b", outcome: "failed", status: 500 }), attempt(200, { model: "a", outcome: "unreachable" }), attempt(200, { model: "c" })];
    for (const [isAnswered, all, last] of [[true, 350 + 150 + 150 + 120, [120]], [false, 350 + 150 + 150, [0]]] as const) {
      const given = new Map<string, number[]>();
      const tickets = [...attempts, answered(50)].map(({ provider, model }) => ({ target: { provider, model }, ticket: settledBy(given, model) }));
      const told = await settledAll(isAnswered ? "ok" : "failed", { ...(isAnswered ? { target, usage } : {}), attempts: isAnswered ? [...attempts, answered(50)] : attempts, ticket: settledBy(given, "all"), attemptTickets: tickets });
      assert.notEqual(told, "released");
      assert.deepEqual(Object.fromEntries(given), { all: [all], a: [500, 0], b: [0], c: [150], "gpt-5": last });
    }
  });

  it("of a round of repair are beside the rounds before it, with the tokens of that round", async () => {
    const again = (...last: AttemptRecord[]) => (record: CallRecord): void => {
      record.attempts = [attempt(50, { outcome: "ok" })];
      record.asksAgain(150);
      record.attempts = [...record.attempts, ...last];
    };
    const beside = { model: "gpt-5", estimated: true, cost: 1 };
    assert.deepEqual(await settledAll("cancelled", { target, usage }, again(attempt(1000))), { own: { usage, model: "gpt-5", estimated: false }, beside: [{ ...beside, usage: estimate(150, 250), outcome: "cancelled" }], cost: 2 });
    assert.deepEqual(await settledAll("failed", { target, usage }, again(attempt(1000, { outcome: "timeout" }))), { own: { usage, model: "gpt-5", estimated: false }, beside: [{ ...beside, usage: estimate(150, 250), outcome: "failed" }], cost: 2 });
    const searched = { ...usage, webSearches: 2 };
    assert.deepEqual(await settledAll("cancelled", { mostSearches: () => 20, target, usage: searched }, again(attempt(1000))), {
      own: { usage: searched, model: "gpt-5", estimated: false }, beside: [{ ...beside, usage: { ...estimate(150, 250), webSearches: 1 }, outcome: "cancelled" }], cost: 2,
    });
    assert.deepEqual(await settledAll("ok", { target, usage }, again(answered(1000))), { own: { usage, model: "gpt-5", estimated: false }, beside: [], cost: 1 });
    // A provider that tells no usage: the first round is the estimate that it was.
    assert.deepEqual(await settledAll("cancelled", { target, usage: unknownUsage }, again(attempt(1000))), { own: { usage: estimate(100, 13), model: "gpt-5", estimated: true }, beside: [{ ...beside, usage: estimate(150, 250), outcome: "cancelled" }], cost: 2 });
  });
});

describe("a call that may search the web and is cut before its answer was whole", () => {
  const searching = { mostSearches: () => 20 };

  it("counts one search of each attempt that may have worked", async () => {
    const before = attempt(5, { outcome: "failed", status: 500 });
    for (const [outcome, change] of ends) assert.deepEqual(await settled(outcome, { ...searching, attempts: [before, attempt(1000, change)] }), { usage: { ...estimate(100, 250), webSearches: 1 }, model: "gpt-5", estimated: true });
    assert.deepEqual(await settled("failed", { ...searching, attempts: [attempt(1000, { outcome: "unreachable", sent: false })] }), { usage: unknownUsage, model: "gpt-5", estimated: false });
    assert.deepEqual(await settled("failed", { mostSearches: () => 0, attempts: [attempt(1000, { outcome: "timeout" })] }), { usage: estimate(100, 250), model: "gpt-5", estimated: true });
  });

  it("counts one in a stream that told of none, and those that it told of", async () => {
    const usage = { ...unknownUsage, inputTokens: 90, outputTokens: 30 };
    const cut = (told: TokenUsage): ReturnType<typeof settled> => settled("failed", { ...searching, target, usage: told }, (record) => record.cutShort());
    assert.deepEqual(await cut(usage), { usage: { ...usage, webSearches: 1 }, model: "gpt-5", estimated: true });
    assert.deepEqual(await cut({ ...usage, webSearches: 3 }), { usage: { ...usage, webSearches: 3 }, model: "gpt-5", estimated: false });
  });
});
