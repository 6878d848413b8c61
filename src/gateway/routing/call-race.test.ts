import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallStop } from "../../core/call-stop.ts";
import { AppError } from "../../core/errors.ts";
import { AnswerHold, AnswerMemory } from "../../core/answer-memory.ts";
import { attemptsOfFailure, type AttemptPlace, type CallOrder, type OpenedCall } from "./call-plan.ts";
import { callStage, routeOf, settled, type ManualTime, type Step } from "./call-stage.fixture.ts";

const well: Step = { afterMs: 5, body: ['"well"'] };
const both = ["a", "b"];
const outcomes = ({ attempts }: OpenedCall<string>): string[] => attempts.map(({ provider, outcome }) => `${provider} ${outcome}`);

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(() => "answered", (error: unknown) => (error instanceof AppError ? error.code : String(error)));
}

/** A place with the provider that comes after so long. */
const placeAfter = (time: ManualTime, ms: number, places: string[]) => (): Promise<AttemptPlace> =>
  new Promise((resolve) => void time.alarm(ms, () => resolve({ leave: () => void places.push("left"), giveBack: () => void places.push("given back") })));

describe("the race of a call", () => {
  it("begins no attempt with less than 20 ms left, and gives back the place that was kept for it", async () => {
    for (const [leftMs, code, asked] of [[19, "PROVIDER_TIMEOUT", 0], [20, "answered", 1]] as const) {
      const { time, transport, runner, order, health } = callStage({ a: [well] });
      const places: string[] = [];
      const call = order(routeOf(["a"], { deadlineMs: 1000 }), { admit: placeAfter(time, 1000 - leftMs, places) });
      assert.deepEqual([await codeOf(time.until(runner.run(call))), transport.requests.length, health.views()[0]!.calls, places], [code, asked, asked, [asked === 0 ? "given back" : "left"]]);
    }
  });

  it("leaves the queue of a provider's limits when another target has answered, or the caller has left", async () => {
    const { time, transport, runner, order, caller } = callStage({ a: [{ ...well, afterMs: 3000 }, { afterMs: Infinity }], b: [well] });
    const waiting: (() => void)[] = [];
    const given: string[] = [];
    const admit: CallOrder<string>["admit"] = ({ provider }, _provider, over) =>
      new Promise((resolve, reject) => {
        const place = { leave: () => void given.push(`left ${provider}`), giveBack: () => void given.push(`gave back ${provider}`) };
        if (provider === "a") return void resolve(place);
        waiting.push(() => resolve(place));
        over.addEventListener("abort", () => void (given.push("gone"), reject(new AppError("CALLER_GONE", "Gone."))));
      });
    const settings = routeOf(["a", "b"], { hedgeAfterMs: 2000 });
    assert.deepEqual(outcomes(await time.until(runner.run(order(settings, { admit })))), ["a ok"]);
    assert.deepEqual([waiting.length, given], [1, ["gone", "left a"]]);
    const ended = codeOf(runner.run(order(settings, { admit })));
    await time.pass(2500);
    caller.abort();
    assert.equal(await ended, "CALLER_GONE");
    assert.deepEqual([waiting.length, given, transport.requests.length], [2, ["gone", "left a", "gone", "left a"], 2]);
    // One that comes all the same is nobody's.
    const late = runner.run(order(settings, { signal: new CallStop(), admit: ({ provider }) => (provider === "a" ? Promise.reject(new AppError("RATE_LIMITED", "Full.")) : new Promise((resolve) => void time.alarm(5000, () => resolve({ leave: () => assert.fail("It was asked."), giveBack: () => void given.push("late") })))), deadline: time.monotonic() + 4000 }));
    assert.equal(await codeOf(time.until(late)), "PROVIDER_UNAVAILABLE");
    await time.pass(2000);
    assert.equal(given.at(-1), "late");
  });

  it("waits for no second attempt that would have less than 20 ms", async () => {
    // The first fails after 900 ms, and the second may be made 50 ms later.
    for (const [deadlineMs, code, asked, endsAfterMs] of [[969, "PROVIDER_UNAVAILABLE", 1, 900], [970, "answered", 2, 955]] as const) {
      const { time, transport, runner, order } = callStage({ a: [{ status: 500, afterMs: 900 }, well] });
      const began = time.monotonic();
      assert.deepEqual([await codeOf(time.until(runner.run(order(routeOf(["a"], { deadlineMs }))))), transport.requests.length, time.monotonic() - began], [code, asked, endsAfterMs]);
    }
  });

  it("counts what a provider's limit turned away, of a last resort too, until something is answered", async () => {
    const limited: Step = { status: 429 };
    const { time, runner, order, health } = callStage({ a: [limited, limited, { status: 500 }, limited, well], b: [{ status: 404 }] }, { a: { breaker: { failures: 1, openSeconds: 60 } } });
    const settings = routeOf(both, { attempts: 1 });
    const told: unknown[] = [];
    for (let call = 0; call < 5; call++) {
      await codeOf(time.until(runner.run(order(settings))));
      const { limited: inARow, errors, state } = health.views()[0]!;
      told.push([inARow, errors, state]);
    }
    // The fourth and the fifth ask it for want of another, with its breaker open.
    assert.deepEqual(told, [[1, 0, "closed"], [2, 0, "closed"], [0, 1, "open"], [1, 1, "open"], [0, 1, "closed"]]);
  });

  it("asks the next at once where one was silent, whatever time the window of its failures has left, and comes back to it after the others", async () => {
    for (const [other, ended] of [[well, ["a timeout", "b ok"]], [{ status: 404 }, ["a timeout", "b not-found", "a ok"]]] as const) {
      const { time, transport, runner, order } = callStage({ a: [{ afterMs: Infinity }, well], b: [other] });
      assert.deepEqual(outcomes(await time.until(runner.run(order(routeOf(both, { firstByteMs: 300 }))))), ended);
      assert.equal(transport.requests[1]!.at - transport.requests[0]!.at, 300);
    }
  });

  it("counts the second in which a target may try again from its first failure, however often it fails", async () => {
    const { time, transport, runner, order } = callStage({ a: [{ status: 500 }, { status: 500, afterMs: 600 }, { afterMs: Infinity }], b: [well] });
    assert.deepEqual(outcomes(await time.until(runner.run(order(routeOf(both, { attempts: 5 }))))), ["a failed", "a failed", "a timeout", "b ok"]);
    assert.deepEqual(transport.requests.map(({ at }) => at - transport.requests[0]!.at), [0, 50, 750, 1000]);
  });

  it("counts that second from the moment in which a request went out again, where it then fails", async () => {
    // 800 ms after it there is no room for another attempt; 300 ms after it there is, until the second is over.
    for (const [afterMs, ended, askedAt] of [[800, ["a failed", "b ok"], [0, 900]], [300, ["a failed", "a timeout", "b ok"], [0, 450, 1100]]] as const) {
      const { time, transport, runner, order } = callStage({ a: [{ resentAfterMs: [100], afterMs, status: 500 }, { afterMs: Infinity }], b: [well] });
      assert.deepEqual(outcomes(await time.until(runner.run(order(routeOf(both))))), ended);
      assert.deepEqual(transport.requests.map(({ at }) => at - transport.requests[0]!.at), askedAt);
    }
  });

  it("counts it from the first time that it went out again, where there are several", async () => {
    const { time, transport, runner, order } = callStage({ a: [{ resentAfterMs: [100, 500], afterMs: 300, status: 500 }, well], b: [well] });
    assert.deepEqual(outcomes(await time.until(runner.run(order(routeOf(both))))), ["a failed", "b ok"]);
    assert.equal(transport.requests[1]!.at - transport.requests[0]!.at, 900);
  });

  it("takes a connection that closes more than a second after the request for a failed attempt, which may have cost something", async () => {
    for (const [closedAfterMs, ended] of [[[1000], ["a ok, resent 1"]], [[1001], ["a unreachable, sent", "a ok"]], [[1000, 1000, 1001], ["a unreachable, sent, resent 2", "a ok"]]] as const) {
      const { time, runner, order, health } = callStage({ a: [{ ...well, resentAfterMs: closedAfterMs }, well] });
      const { attempts } = await time.until(runner.run(order(routeOf(["a"]))));
      const words = attempts.map(({ provider, outcome, sent, resends }) => `${provider} ${outcome}${sent && outcome !== "ok" ? ", sent" : ""}${resends === undefined ? "" : `, resent ${resends}`}`);
      assert.deepEqual([words, health.views()[0]!.errors], [ended, ended.length - 1]);
    }
  });

  describe("with large answers", () => {
    const large: Step = { body: ['"', "x".repeat(2 << 20), '"'] };
    const lateStart: Step = { body: [...Array.from({ length: 400 }, () => "start\n".repeat(1000)), "one\n", "finish\n"] };
    /** Of 3 MiB, 2 of which another answer has. */
    const stageOf = (step: Step) => {
      const full: string[] = [];
      const answers = new AnswerMemory(3 << 20, 0, { count: (room) => void full.push(room) });
      const other = new AnswerHold(answers);
      other.add(2 << 20);
      return { answers, other, full, ...callStage({ a: [step], b: [large] }, {}, answers) };
    };

    for (const [what, step, stream, alone] of [["a whole answer", large, false, (2 << 20) + 2], ["what comes before the content of a stream", lateStart, true, 0]] as const) {
      it(`waits with ${what} until there is room, and counts it until its call lets go of it`, async () => {
        const { answers, other, time, runner, order } = stageOf(step);
        const hold = new AnswerHold(answers);
        const work = runner.run(order(routeOf(both), { hold, stream }));
        await settled();
        assert.deepEqual([await Promise.race([work, Promise.resolve("waits")]), answers.takenBytes < 3 << 20], ["waits", true]);
        other.release();
        assert.deepEqual([outcomes(await time.until(work)), answers.takenBytes], [["a ok"], alone]);
        hold.release();
        assert.equal(answers.takenBytes, 0);
      });

      it(`fails a call whose time is over while ${what} waits for room, blames nobody and asks no other`, async () => {
        const { answers, other, full, time, transport, runner, order, health } = stageOf(step);
        const error = await time.until(runner.run(order(routeOf(both), { stream })).then(() => assert.fail("It answered."), (thrown: unknown) => thrown as AppError));
        assert.deepEqual([error.code, error.retryAfterSeconds, attemptsOfFailure.get(error)!.map(({ provider, outcome }) => `${provider} ${outcome}`)], ["GATEWAY_OVERLOADED", 1, ["a cancelled"]]);
        assert.deepEqual(full, ["answers"]);
        assert.deepEqual([transport.requests.length, health.views()[0]!.errors, health.views()[0]!.state, time.sleepers], [1, 0, "closed", 0]);
        other.release();
        assert.equal(answers.takenBytes, 0);
      });
    }

    it("gives back what a broken one had, and what was made of one that nobody waits for", async () => {
      const { answers, other, time, runner, order } = stageOf({ body: ['"', "x".repeat((1 << 20) - 1), "x", "cut!"] });
      other.release();
      const hold = new AnswerHold(answers);
      assert.deepEqual(outcomes(await time.until(runner.run(order(routeOf(both, { attempts: 1 }), { hold })))), ["a unreachable", "b ok"]);
      assert.equal(answers.takenBytes, (2 << 20) + 2);
      hold.release();
      assert.equal(answers.takenBytes, 0);
    });
  });
});
