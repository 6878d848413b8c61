import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import type { Reservation } from "../../ledger/index.ts";
import { LostAttempts } from "./lost-attempts.ts";
import { openAiQuestion, splitStage, textOf, type ModelScript } from "../split/split-stage.fixture.ts";

type Stage = Awaited<ReturnType<typeof splitStage>>;

/** Targets in their order, all of one provider; each token costs a thousandth of a dollar. */
const targets = (...models: string[]): object[] => models.map((model, priority) => ({ provider: "models", model, priority }));
const silent: ModelScript = { afterMs: Infinity };
const asked = { max_tokens: 100 };
const document = { response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } } };

/** What became of as many calls at once: the codes of errors, or `ok`. Callers leave after so many milliseconds. */
async function outcomes({ ask, time }: Stage, count: number, more: object = {}, leaveMs = Infinity): Promise<string[]> {
  return time.until(Promise.all(Array.from({ length: count }, async () => {
    const caller = new AbortController();
    if (leaveMs !== Infinity) time.alarm(leaveMs, () => caller.abort());
    try {
      await textOf(await ask(openAiQuestion({ ...asked, ...more }), { signal: caller.signal }));
      return "ok";
    } catch (error) {
      return error instanceof AppError ? error.code : assert.fail(String(error));
    }
  })));
}

/** Everything is settled, what was spent is what the ledger has, and that is within the budget. Dollars. */
async function spentWithin({ entries, budgetUse }: Stage, limit: number): Promise<number> {
  const { spent, reserved } = await budgetUse();
  const inLedger = entries.reduce((sum, { cost }) => sum + cost!, 0);
  assert.deepEqual([reserved, Math.round(spent * 1e9)], [0, inLedger]);
  assert.ok(inLedger <= limit * 1e9, `${spent} of ${limit}`);
  return spent;
}

describe("a budget over calls that fail over from providers that stall", () => {
  it("is not exceeded by a cent by 500 callers at once, whatever falls silent", async () => {
    for (const scripts of [{ a: silent, b: silent, c: {} }, { a: silent, b: silent, c: silent }]) {
      const limit = 30;
      const stage = await splitStage({ scripts, stable: { targets: targets("a", "b", "c"), firstByteMs: 300, attempts: 1, budget: { day: limit } } });
      const told = await outcomes(stage, 500);
      assert.equal(told.filter((code) => code === "ok").length > 0, scripts.c !== silent);
      const spent = await spentWithin(stage, limit);
      // It holds as many as it has room for: no more than one call's worth is left of it where all were lost.
      if (scripts.c === silent) assert.ok(spent > limit / 2, String(spent));
      // Some of those that were let in found no room for another attempt.
      assert.ok(stage.entries.length > told.filter((code) => code === "ok").length);
    }
  });

  it("is not exceeded by hedges, rounds of repair and repeated attempts either, however they come together", async () => {
    const script = fc.record({ afterMs: fc.constantFrom(0, 100, 450, Infinity), text: fc.constantFrom("{}", "no document"), outputTokens: fc.integer({ min: 1, max: 100 }), status: fc.constantFrom(200, 200, 200, 500) });
    const call = fc.record({
      limit: fc.integer({ min: 1, max: 40 }).map((tenths) => tenths / 10), callers: fc.integer({ min: 1, max: 12 }), attempts: fc.integer({ min: 1, max: 3 }), repair: fc.nat(2), hedgeAfterMs: fc.constantFrom(undefined, 50, 200),
      scripts: fc.record({ a: script, b: script, c: script }), structured: fc.boolean(), stream: fc.boolean(), leaveMs: fc.constantFrom(Infinity, Infinity, 80, 350, 700),
    });
    await fc.assert(fc.asyncProperty(call, async ({ limit, callers, scripts, structured, stream, leaveMs, hedgeAfterMs, ...settings }) => {
      const check = (_schema: unknown, text: string) => Promise.resolve(text === "{}" ? [] : [{ path: "$", message: "is none" }]);
      const stage = await splitStage({ scripts, check, stable: { targets: targets("a", "b", "c"), firstByteMs: 300, deadlineMs: 2000, ...settings, ...(hedgeAfterMs === undefined ? {} : { hedgeAfterMs }), budget: { day: limit } } });
      await outcomes(stage, callers, { ...(structured ? document : {}), stream }, leaveMs);
      await spentWithin(stage, limit);
    }), { numRuns: 60 });
  });
});

describe("a call whose budget has no room for another attempt", () => {
  const stalled = { a: silent, b: {} };
  const settings = { targets: targets("a", "b"), firstByteMs: 300, attempts: 1 };
  const failureOf = async (stage: Stage): Promise<AppError> => {
    const error: unknown = await stage.time.until(stage.ask(openAiQuestion(asked))).then(() => null, (thrown: unknown) => thrown);
    return error instanceof AppError ? error : assert.fail("It was answered.");
  };
  /** The worst that one attempt may cost, in dollars. */
  const worst = async (): Promise<number> => {
    const { budgetUse, ask, time } = await splitStage({ scripts: { a: silent }, stable: { ...settings, targets: targets("a"), budget: { day: 100 } } });
    const call = ask(openAiQuestion(asked)).catch(() => undefined);
    await time.pass(1);
    const { reserved } = await budgetUse();
    await time.until(call);
    return reserved / 1e9;
  };

  it("fails with the budget and with what was lost, where there was another to be asked", async () => {
    const stage = await splitStage({ scripts: stalled, stable: { ...settings, budget: { day: await worst() + 0.001 } } });
    const error = await failureOf(stage);
    assert.equal(error.code, "BUDGET_EXCEEDED");
    assert.match(error.message, /^models\/a: It did not answer in time\. No other target was asked: The budget of the route chat for this day .* before another is made\.$/);
    assert.deepEqual(error.problems, [{ path: "models/a", message: "It did not answer in time." }]);
    assert.deepEqual([stage.models.asked.map(({ model }) => model), stage.entries.map(({ model, outcome }) => [model, outcome])], [["a"], [["a", "failed"]]]);
  });

  it("fails with what its targets had, where all of them were asked", async () => {
    const stage = await splitStage({ scripts: { a: silent }, stable: { ...settings, attempts: 3, targets: targets("a"), budget: { day: await worst() + 0.001 } } });
    assert.equal((await failureOf(stage)).code, "PROVIDER_TIMEOUT");
    assert.equal(stage.models.asked.length, 1);
  });

  it("is answered by a hedge that is under way", async () => {
    const stage = await splitStage({ scripts: { a: silent, b: { afterMs: 400 }, c: {} }, stable: { ...settings, firstByteMs: 300, targets: targets("a", "b", "c"), hedgeAfterMs: 200, budget: { day: 2 * await worst() + 0.001 } } });
    assert.deepEqual(await outcomes(stage, 1), ["BUDGET_EXCEEDED"]);
    stage.models.scripts.b = { afterMs: 250 };
    const other = await splitStage({ scripts: stage.models.scripts, stable: { ...settings, targets: targets("a", "b", "c"), hedgeAfterMs: 200, budget: { day: 2 * await worst() + 0.001 } } });
    assert.deepEqual(await outcomes(other, 1), ["ok"]);
    assert.deepEqual(other.models.asked.map(({ model }) => model), ["a", "b"]);
  });

  it("is held to what a budget allows for one call", async () => {
    const one = await worst();
    for (const [more, expected] of [[0.001, "BUDGET_EXCEEDED"], [1, "ok"]] as const) {
      const stage = await splitStage({ scripts: stalled, stable: { ...settings, budget: { perQuery: one + more } } });
      assert.deepEqual(await outcomes(stage, 1), [expected]);
    }
  });

  it("needs no room beside a refusal, which costs nothing", async () => {
    const stage = await splitStage({ scripts: { a: { status: 500 }, b: {} }, stable: { ...settings, budget: { day: await worst(), perQuery: await worst() } } });
    assert.deepEqual(await outcomes(stage, 1), ["ok"]);
  });
});

it("What is reserved for a lost attempt is released when the call is settled, also where the store answers later than that", async () => {
  const released: string[] = [];
  const late = Promise.withResolvers<Reservation>();
  const reservation = (id: string): Reservation => ({ id }) as Reservation;
  const lost = new LostAttempts(({ id }) => void released.push(id));
  const before: number[] = [];
  void lost.add((_nano, beforeNano) => (before.push(beforeNano), reservation("a")), 3);
  void lost.add((_nano, beforeNano) => (before.push(beforeNano), null), 4);
  const waiting = lost.add((_nano, beforeNano) => (before.push(beforeNano), late.promise), 5);
  assert.deepEqual([before, released], [[0, 3, 7], []]);
  lost.over();
  assert.deepEqual(released, ["a"]);
  late.resolve(reservation("b"));
  await waiting;
  assert.deepEqual(released, ["a", "b"]);
});

describe("a call with attempts beside its answer", () => {
  it("has entries of the ledger that its spans name: its own, and that of each attempt beside it", async () => {
    const stage = await splitStage({ scripts: { a: silent, b: { status: 500 }, c: { afterMs: 250 }, d: {} }, stable: { targets: targets("a", "b", "c", "d"), firstByteMs: 300, attempts: 1, hedgeAfterMs: 400 } });
    assert.deepEqual(await outcomes(stage, 1), ["ok"]);
    const named = stage.spans.map(({ kind, attributes }) => [attributes["slipway.ledger_entry"], kind === "server" ? "d" : attributes["gen_ai.request.model"]]).filter(([id]) => id !== undefined);
    assert.deepEqual(new Map(named as [string, string][]), new Map(stage.entries.map(({ id, model }) => [id, model])));
    assert.deepEqual(stage.entries.map(({ model, outcome }) => [model, outcome]).sort(), [["a", "failed-over"], ["c", "outrun"], ["d", "ok"]]);
  });
});
