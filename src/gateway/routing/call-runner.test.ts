import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { attemptsOfFailure, type AttemptPlace, type OpenedCall } from "./call-plan.ts";
import { callStage, callFacts, routeOf, settled, type Step } from "./call-stage.fixture.ts";

const well: Step = { afterMs: 100, body: ['"well"'] };
const flowing: Step = { afterMs: 100, body: ["start\n", "one\n", 50, "two\n", "finish\n"] };
const outcomes = ({ attempts }: Pick<OpenedCall<string>, "attempts">): string[] => attempts.map(({ provider, outcome }) => `${provider} ${outcome}`);

const unasked = (): void => assert.fail("The attempt was made.");

async function failureOf(work: Promise<unknown>): Promise<AppError> {
  return work.then(() => assert.fail("It answered."), (error: unknown) => (error instanceof AppError ? error : assert.fail(String(error))));
}

async function textOf(opened: OpenedCall<string>): Promise<string> {
  assert.ok(opened.streamed);
  const texts: string[] = [];
  for await (const { bytes } of opened.pieces) texts.push(Buffer.from(bytes).toString());
  return texts.join("|");
}

describe("TargetCallRunner", () => {
  it("asks the first target, with the provider's address, its headers and its secret", async () => {
    const { time, transport, health, runner, order } = callStage({ a: [well], b: [well] }, { a: { headers: { "X-Organization": "o" } } });
    const opened = await time.until(runner.run(order(routeOf(["a", "b"]))));
    assert.ok(!opened.streamed);
    assert.deepEqual([opened.answer, opened.firstByteMs, opened.target.provider, outcomes(opened), opened.attempts[0]!.status, opened.attempts[0]!.ms], ["well", 100, "a", ["a ok"], 200, 100]);
    const { url, headers } = transport.requests[0]!.request;
    assert.equal(url.href, "https://a.example/v1/chat");
    assert.deepEqual(headers, { "content-type": "application/json", "x-organization": "o", "x-asked": "yes", authorization: "Bearer secret of a" });
    assert.deepEqual(health.views(), [
      { provider: "a", model: "m", state: "closed", failures: 0, limited: 0, turnedAway: 0, waitMs: 0, ewmaMs: 100, calls: 1, answers: 1, errors: 0 }, { provider: "b", model: "m", state: "closed", failures: 0, limited: 0, turnedAway: 0, waitMs: 0, ewmaMs: null, calls: 0, answers: 0, errors: 0 },
    ]);
    assert.equal(time.sleepers, 0);
  });

  for (const [what, step, asked] of [
    ["overloaded", { status: 529 }, 2], ["failing", { status: 500, body: ["<html>"] }, 2], ["limited without a time", { status: 429 }, 2], ["limited for a short time", { status: 429, headers: { "retry-after-ms": "300" } }, 2],
    ["limited for long", { status: 429, headers: { "retry-after": "30" } }, 1], ["out of quota", { status: 402 }, 1], ["closed to its key", { status: 401 }, 1], ["without the model", { status: 404 }, 1],
    ["unreachable", { throws: new AppError("PROVIDER_UNAVAILABLE", "It takes no connection.") }, 2], ["talking nonsense", { body: ["<html>"] }, 2], ["cut", { body: ['"we', "cut!"] }, 2],
    ["redirecting", { status: 302 }, 2], ["refused by egress", { throws: new AppError("EGRESS_REFUSED", "It is private.") }, 1],
  ] as [string, Step, number][]) {
    it(`goes from a target that is ${what} to the next within a second, after ${asked} attempts`, async () => {
      const { time, transport, runner, order } = callStage({ a: [step], b: [well] });
      const opened = await time.until(runner.run(order(routeOf(["a", "b"]))));
      assert.equal(opened.target.provider, "b");
      assert.deepEqual(transport.requests.map(({ provider }) => provider), [...Array.from({ length: asked }, () => "a"), "b"]);
      assert.ok(transport.requests.at(-1)!.at - transport.requests[0]!.at <= 1000);
    });
  }

  it("takes a refusal by its status where its words break off, do not come, or are not what its head says", async () => {
    const wrong = new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer is not compressed as it says.");
    for (const body of [["Slow", "cut!"], ["Slow", 60_000], [wrong]]) {
      const limited: Step = { status: 429, headers: { "retry-after": "600" }, body };
      const { time, transport, runner, order, health } = callStage({ a: [limited], b: [well] });
      const opened = await time.until(runner.run(order(routeOf(["a", "b"]))));
      assert.deepEqual([outcomes(opened), opened.attempts[0]!.status], [["a rate-limited", "b ok"], 429]);
      // Nobody waits long for words, and a limit is nothing that the breaker counts.
      assert.ok(transport.requests.at(-1)!.at - transport.requests[0]!.at <= 1000);
      assert.deepEqual([health.views()[0]!.failures, health.views()[0]!.turnedAway], [0, 1]);
      const alone = callStage({ a: [limited] });
      const error = await failureOf(alone.time.until(alone.runner.run(alone.order(routeOf(["a"])))));
      assert.deepEqual([error.code, error.retryAfterSeconds, alone.transport.requests.length], ["PROVIDER_LIMITED", 600, 1]);
    }
    // Whose fault a bad request is may stand in what did not come.
    const { time, runner, order } = callStage({ a: [{ status: 400, body: ["The context", "cut!"] }], b: [well] });
    assert.equal((await time.until(runner.run(order(routeOf(["a", "b"]))))).target.provider, "b");
  });

  it("gives the caller's own fault back at once, in the provider's words", async () => {
    for (const status of [400, 422]) {
      const { time, transport, runner, order, health } = callStage({ a: [{ status, body: ["Temperature must be below 2."] }], b: [well] });
      const error = await failureOf(time.until(runner.run(order(routeOf(["a", "b"])))));
      assert.deepEqual([error.code, error.message, transport.requests.length, health.views()[0]!.errors], ["PROVIDER_REFUSED", "a/m: Temperature must be below 2.", 1, 0]);
      assert.deepEqual(attemptsOfFailure.get(error)!.map(({ provider, status: told }) => [provider, told]), [["a", status]]);
    }
  });

  it("takes what is too long to a target with more room, and nowhere else", async () => {
    const { time, transport, runner, order } = callStage({ a: [{ status: 413, body: ["Too long."] }], b: [well], c: [well] });
    const targets = [{ provider: "a", maxContextTokens: 1000 }, { provider: "b", maxContextTokens: 500, priority: 1 }, { provider: "c", maxContextTokens: 2000, priority: 2 }];
    assert.equal((await time.until(runner.run(order(routeOf(targets))))).target.provider, "c");
    assert.deepEqual(transport.requests.map(({ provider }) => provider), ["a", "c"]);
    assert.equal((await failureOf(time.until(runner.run(order(routeOf(targets.slice(0, 2))))))).code, "CONTEXT_TOO_LONG");
  });

  it("waits as long as a provider asks where no other can answer", async () => {
    const { time, transport, runner, order } = callStage({ a: [{ status: 429, headers: { "retry-after": "7" } }, well] });
    const opened = await time.until(runner.run(order(routeOf(["a"]))));
    assert.deepEqual([outcomes(opened), transport.requests[1]!.at - transport.requests[0]!.at], [["a rate-limited", "a ok"], 7000]);
  });

  it("waits until the date that a provider names without saying what time it has", async () => {
    const stage = callStage({});
    const at = (ms: number): string => new Date(Math.ceil((stage.time.now() + ms) / 1000) * 1000).toUTCString();
    const date = at(7000);
    const { time, transport, runner, order } = callStage({ a: [{ status: 429, headers: { "retry-after": date } }, well] });
    const expected = Date.parse(date) - time.now();
    await time.until(runner.run(order(routeOf(["a"]))));
    assert.equal(transport.requests[1]!.at - transport.requests[0]!.at, expected);
    // An hour is the most: this machine's clock may be wrong.
    const far = callStage({ a: [{ status: 429, headers: { "retry-after": at(86_400_000) } }] });
    assert.equal((await failureOf(far.time.until(far.runner.run(far.order(routeOf(["a"])))))).retryAfterSeconds, 3600);
  });

  it("comes back to a limited target when the others cannot, if the deadline leaves time", async () => {
    const scripts = (): Record<string, Step[]> => ({ a: [{ status: 429, headers: { "retry-after": "7" } }, well], b: [{ status: 401 }] });
    const { time, runner, order } = callStage(scripts());
    assert.deepEqual(outcomes(await time.until(runner.run(order(routeOf(["a", "b"]))))), ["a rate-limited", "b unauthorized", "a ok"]);
    const short = callStage(scripts());
    const error = await failureOf(short.time.until(short.runner.run(short.order(routeOf(["a", "b"], { deadlineMs: 5000 })))));
    assert.deepEqual([error.code, error.retryAfterSeconds], ["PROVIDER_UNAVAILABLE", 7]);
  });

  it("does not repeat what would last too long while another waits, and repeats it after that one failed", async () => {
    const { time, transport, runner, order } = callStage({ a: [{ afterMs: 3000, body: ['"slow"'] }, { status: 500 }, { afterMs: 3000, body: ['"slow"'] }], b: [{ status: 404 }] });
    // Nothing is known of it: it would be tried again. Then it is known as slow.
    await time.until(runner.run(order(routeOf(["a"]))));
    const opened = await time.until(runner.run(order(routeOf(["a", "b"]))));
    assert.deepEqual(outcomes(opened), ["a failed", "b not-found", "a ok"]);
    assert.equal(transport.requests[2]!.at, transport.requests[1]!.at);
  });

  it("cuts the second attempt short while another target waits, and counts it against nobody", async () => {
    const { time, transport, runner, order, health } = callStage({ a: [{ status: 500 }, { afterMs: Infinity }], b: [well] });
    const opened = await time.until(runner.run(order(routeOf(["a", "b"]))));
    assert.deepEqual(outcomes(opened), ["a failed", "a timeout", "b ok"]);
    assert.deepEqual([transport.requests[2]!.at - transport.requests[0]!.at, health.views()[0]!.errors, transport.ended], [1000, 1, ["a"]]);
  });

  it("gives a request that went out again no more time than any second attempt, counts nothing against its target, and comes back to it", async () => {
    for (const stream of [false, true]) {
      const body = stream ? ["start\n", "one\n", "finish\n"] : ['"well"'];
      const { time, transport, runner, order, health } = callStage({ a: [{ resentAfterMs: 100, afterMs: Infinity }, { body }], b: [{ body }] });
      const opened = await time.until(runner.run(order(routeOf(["a", "b"]), { stream })));
      assert.deepEqual([outcomes(opened), transport.requests[1]!.at - transport.requests[0]!.at, health.views()[0]!.errors, transport.ended], [["a timeout", "b ok"], 1100, 0, ["a"]]);
      assert.equal(time.sleepers, stream ? 1 : 0);
    }
    const back = callStage({ a: [{ resentAfterMs: 0, afterMs: Infinity }, well], b: [{ status: 404 }] });
    assert.deepEqual(outcomes(await back.time.until(back.runner.run(back.order(routeOf(["a", "b"]))))), ["a timeout", "b not-found", "a ok"]);
  });

  it("lets a request that went out again take what its target usually takes, and all its time where nobody else waits", async () => {
    const slow = { afterMs: 3000, body: ['"slow"'] };
    const { time, runner, order } = callStage({ a: [slow, { ...slow, resentAfterMs: 100 }], b: [well] });
    for (let call = 0; call < 2; call++) assert.deepEqual(outcomes(await time.until(runner.run(order(routeOf(["a", "b"]))))), ["a ok"]);
    const alone = callStage({ a: [{ ...slow, resentAfterMs: 100 }] });
    assert.deepEqual(outcomes(await alone.time.until(alone.runner.run(alone.order(routeOf(["a"]))))), ["a ok"]);
    // It ends with the first of both limits, and that one counts.
    const late = callStage({ a: [{ afterMs: Infinity, resentAfterMs: 800 }], b: [well] });
    assert.deepEqual(outcomes(await late.time.until(late.runner.run(late.order(routeOf(["a", "b"], { firstByteMs: 1500, attempts: 1 }))))), ["a timeout", "b ok"]);
    assert.deepEqual([late.transport.requests[1]!.at - late.transport.requests[0]!.at, late.health.views()[0]!.errors], [1500, 1]);
  });

  it("has an attempt left where one was cut short, when the others have failed", async () => {
    const { time, runner, order } = callStage({ a: [{ status: 500 }, { afterMs: 3000, body: ['"slow"'] }], b: [{ status: 404 }] });
    assert.deepEqual(outcomes(await time.until(runner.run(order(routeOf(["a", "b"]))))), ["a failed", "a timeout", "b not-found", "a ok"]);
  });

  it("holds nothing against a provider that had no time", async () => {
    const { time, runner, order, health } = callStage({ a: [{ afterMs: Infinity }] });
    await failureOf(time.until(runner.run(order(routeOf(["a"], { deadlineMs: 500 })))));
    assert.equal(health.views()[0]!.errors, 0);
    await failureOf(time.until(runner.run(order(routeOf(["a"], { deadlineMs: 1500, attempts: 1 })))));
    assert.equal(health.views()[0]!.errors, 1);
  });

  it("leaves time for a second target, whatever the deadline, also from one that drips", async () => {
    for (const step of [{ afterMs: Infinity }, { body: Array.from({ length: 100_000 }, (_, index) => (index % 2 === 0 ? " " : 100)) }] as Step[]) {
      const { time, transport, runner, order } = callStage({ a: [step], b: [well] });
      const opened = await time.until(runner.run(order(routeOf(["a", "b"], { deadlineMs: 4000, attempts: 1 }))));
      assert.deepEqual([outcomes(opened), transport.requests[1]!.at - transport.requests[0]!.at], [["a timeout", "b ok"], 2000]);
      assert.deepEqual(transport.ended, ["a"]);
    }
  });

  it("ends with the deadline, and says so", async () => {
    const { time, runner, order, transport } = callStage({ a: [{ afterMs: Infinity }] });
    const began = time.monotonic();
    const error = await failureOf(time.until(runner.run(order(routeOf(["a"], { deadlineMs: 3000, firstByteMs: 2000 })))));
    assert.deepEqual([error.code, time.monotonic() - began, transport.requests.length, time.sleepers], ["PROVIDER_TIMEOUT", 3000, 2, 0]);
  });

  it("opens the breaker after failures, passes the target over, and closes it by a probe", async () => {
    const { time, transport, runner, order, health } = callStage({ a: [{ status: 500 }, { status: 500 }, { status: 500 }, well], b: [well] }, { a: { breaker: { failures: 3, openSeconds: 10 } } });
    const both = routeOf(["a", "b"], { attempts: 1 });
    for (let count = 0; count < 3; count++) await time.until(runner.run(order(both)));
    assert.equal(health.views()[0]!.state, "open");
    assert.deepEqual(outcomes(await time.until(runner.run(order(both)))), ["b ok"]);
    const error = await failureOf(runner.run(order(routeOf(["a"]))));
    assert.deepEqual([error.code, error.retryAfterSeconds, transport.requests.length], ["PROVIDER_UNAVAILABLE", 10, 7]);
    assert.match(error.message, /^a\/m: It failed again and again, and is left alone for \d+ s\.$/);
    await time.pass(10_000);
    assert.deepEqual(outcomes(await time.until(runner.run(order(both)))), ["a ok"]);
    assert.equal(health.views()[0]!.state, "closed");
  });

  it("lets one call at a time through a breaker that is half open", async () => {
    const { time, runner, order } = callStage({ a: [{ status: 500 }, { afterMs: 500, body: ['"probe"'] }], b: [well] }, { a: { breaker: { failures: 1, openSeconds: 10 } } });
    const both = routeOf(["a", "b"], { attempts: 1 });
    await time.until(runner.run(order(both)));
    await time.pass(10_000);
    const [probe, other] = await time.until(Promise.all([runner.run(order(both)), runner.run(order(both))]));
    assert.deepEqual([outcomes(probe), outcomes(other)], [["a ok"], ["b ok"]]);
  });

  it("asks those that are left alone when nobody else can answer, and waits for them where they failed so a moment ago", async () => {
    const breaker = { failures: 1, openSeconds: 15 };
    const { time, transport, runner, order, health } = callStage({ a: [{ status: 500 }, well, { status: 500 }], b: [{ status: 500 }] }, { a: { breaker }, b: { breaker } });
    const both = order(routeOf(["a", "b"], { attempts: 1, deadlineMs: 100_000 }));
    const error = await failureOf(time.until(runner.run(both)));
    assert.deepEqual([error.code, health.views().map(({ state }) => state)], ["PROVIDER_UNAVAILABLE", ["open", "open"]]);
    await time.pass(10);
    // The provider is well again, long before its breaker would ask.
    assert.deepEqual([outcomes(await time.until(runner.run(both))), health.views()[0]!.state], [["a ok"], "closed"]);
    await failureOf(time.until(runner.run(both)));
    const asked = (): number => transport.requests.length;
    const before = asked();
    // b was asked in vain as the last resort, and now a; then each is waited for until a moment is over, and of many that wait one asks.
    const began = time.monotonic();
    await failureOf(time.until(runner.run(both)));
    assert.deepEqual([asked() - before, time.monotonic() - began], [2, 350]);
    await Promise.all(Array.from({ length: 20 }, () => failureOf(time.until(runner.run(both)))));
    assert.ok(asked() - before <= 24, String(asked() - before));
    // None is waited for beyond the deadline.
    assert.equal((await failureOf(time.until(runner.run(order(routeOf(["a", "b"], { attempts: 1, deadlineMs: 200 })))))).code, "PROVIDER_UNAVAILABLE");
    assert.equal(time.sleepers, 0);
  });

  it("leaves a provider alone whose streams begin well and break off, one after the other", async () => {
    const { time, runner, order, health } = callStage({ a: [{ body: ["start\n", "one\n", "cut!"] }], b: [flowing] }, { a: { breaker: { failures: 3, openSeconds: 10 } } });
    const ask = async (): Promise<OpenedCall<string>> => time.until(runner.run(order(routeOf(["a", "b"]), { stream: true })));
    for (let count = 0; count < 3; count++) await failureOf(textOf(await ask()));
    assert.equal(health.views()[0]!.state, "open");
    assert.equal((await ask()).target.provider, "b");
  });

  it("closes a breaker by a probe that the provider refuses, and tries again after one that was ended", async () => {
    const { time, runner, order, health, caller } = callStage({ a: [{ status: 500 }, { afterMs: Infinity }, { status: 400 }] }, { a: { breaker: { failures: 1, openSeconds: 10 } } });
    const settings = routeOf(["a"], { attempts: 1 });
    await failureOf(time.until(runner.run(order(settings))));
    await time.pass(10_000);
    const ended = failureOf(runner.run(order(settings)));
    await settled();
    caller.abort();
    assert.equal((await ended).code, "CALLER_GONE");
    const error = await failureOf(time.until(runner.run(order(settings, { signal: new AbortController().signal }))));
    assert.deepEqual([error.code, health.views()[0]!.state], ["PROVIDER_REFUSED", "closed"]);
  });

  it("gives a stream from its first content on, everything before in the first piece", async () => {
    const { time, runner, order } = callStage({ a: [{ afterMs: 100, body: ["start\n", 200, "one\n", 50, "two\n", "finish\n"] }] });
    const opened = await time.until(runner.run(order(routeOf(["a"]), { stream: true })));
    assert.equal(opened.firstByteMs, 300);
    assert.equal(await time.until(textOf(opened)), "start\none\n|two\n|finish\n");
    assert.equal(time.sleepers, 0);
  });

  for (const [what, body] of [["is cut", ["start\n", "cut!"]], ["ends without an answer", ["start\n"]], ["reports an error", ["start\n!Overloaded.\n"]], ["is silent", ["start\n", 1e9]], ["is empty", []]] as [string, (string | number)[]][]) {
    it(`takes a stream that ${what} before its first content from another target, and nothing of the first`, async () => {
      const { time, transport, runner, order } = callStage({ a: [{ body }], b: [flowing] });
      const opened = await time.until(runner.run(order(routeOf(["a", "b"], { attempts: 1 }), { stream: true })));
      assert.equal(await time.until(textOf(opened)), "start\none\n|two\n|finish\n");
      assert.deepEqual([opened.attempts.length, transport.requests[0]!.request.signal.aborted], [2, true]);
    });
  }

  for (const [what, body, code] of [
    ["is cut", ["one\n", "cut!"], "PROVIDER_STREAM_FAILED"], ["ends without a finish", ["one\n"], "PROVIDER_STREAM_FAILED"], ["reports an error", ["one\n", "!Overloaded.\n"], "PROVIDER_STREAM_FAILED"],
    ["is not over within the deadline", ["one\n", 1e9], "PROVIDER_TIMEOUT"],
  ] as [string, (string | number)[], string][]) {
    it(`fails a stream that ${what} after its first content`, async () => {
      const { time, transport, runner, order, health } = callStage({ a: [{ body }], b: [flowing] });
      const opened = await time.until(runner.run(order(routeOf(["a", "b"]), { stream: true })));
      assert.equal((await failureOf(time.until(textOf(opened)))).code, code);
      assert.deepEqual([transport.requests.length, time.sleepers, health.views()[0]!.errors], [1, 0, code === "PROVIDER_TIMEOUT" ? 0 : 1]);
    });
  }

  it("stops the provider when the reader of a stream leaves, also before its first piece", async () => {
    const { time, transport, runner, order } = callStage({ a: [{ body: ["one\n", 1e9] }] });
    const opened = await time.until(runner.run(order(routeOf(["a"]), { stream: true })));
    assert.ok(opened.streamed);
    await opened.pieces[Symbol.asyncIterator]().return!();
    await settled();
    assert.deepEqual([transport.requests[0]!.request.signal.aborted, time.sleepers], [true, 0]);
  });

  it("stops everything when the caller leaves: before an answer, while it waits, and within a stream", async () => {
    for (const step of [{ afterMs: Infinity }, { status: 429, headers: { "retry-after": "60" } }] as Step[]) {
      const { time, transport, runner, order, caller } = callStage({ a: [step] });
      const work = failureOf(runner.run(order(routeOf(["a"]))));
      await settled();
      caller.abort();
      const error = await work;
      await settled();
      assert.deepEqual([error.code, time.sleepers, transport.requests[0]!.request.signal.aborted || step.status !== undefined], ["CALLER_GONE", 0, true]);
      assert.equal(attemptsOfFailure.get(error)!.length, 1);
    }
    const { time, transport, runner, order, caller, health } = callStage({ a: [{ body: ["one\n", 1e9] }] });
    const text = failureOf(textOf(await time.until(runner.run(order(routeOf(["a"]), { stream: true })))));
    await settled();
    caller.abort();
    assert.equal((await text).code, "CALLER_GONE");
    assert.deepEqual([transport.ended, time.sleepers, health.views()[0]!.errors], [["a"], 0, 0]);
    assert.equal((await failureOf(runner.run(order(routeOf(["a"]))))).code, "CALLER_GONE");
  });

  it("asks a second target when the first is silent, takes the quicker answer, and ends the other", async () => {
    for (const [first, second, winner] of [[Infinity, 100, "b"], [600, 1000, "a"]] as const) {
      for (const stream of [false, true]) {
        const body = stream ? ["start\n", "one\n", "finish\n"] : ['"well"'];
        const { time, transport, runner, order, health } = callStage({ a: [{ afterMs: first, body }], b: [{ afterMs: second, body }] });
        const opened = await time.until(runner.run(order(routeOf(["a", "b"], { hedgeAfterMs: 500 }), { stream })));
        const loser = winner === "a" ? "b" : "a";
        await settled();
        assert.deepEqual([outcomes(opened), opened.attempts.map(({ hedge }) => hedge), transport.ended], [[`${loser} cancelled`, `${winner} ok`], winner === "b" ? [false, true] : [true, false], [loser]]);
        assert.deepEqual([opened.firstByteMs, health.views().map(({ errors }) => errors)], [600, [0, 0]]);
        if (stream) await time.until(textOf(opened));
        assert.equal(time.sleepers, 0);
      }
    }
  });

  it("hedges no call that is answered in time, and survives a hedge that fails", async () => {
    const quick = callStage({ a: [well], b: [well] });
    const settings = routeOf(["a", "b"], { hedgeAfterMs: 500 });
    assert.deepEqual(outcomes(await quick.time.until(quick.runner.run(quick.order(settings)))), ["a ok"]);
    assert.equal(quick.time.sleepers, 0);
    const { time, runner, order } = callStage({ a: [{ afterMs: 5000, body: ['"late"'] }], b: [{ status: 401 }] });
    assert.deepEqual(outcomes(await time.until(runner.run(order(settings)))), ["b unauthorized", "a ok"]);
  });

  it("passes over targets that cannot take the call or have reached their limits, and gives places back", async () => {
    const { time, runner, order } = callStage({ a: [well], b: [well], c: [flowing] });
    const places: string[] = [];
    const more = {
      prepare: (target: { provider: string }, ...rest: unknown[]) => {
        if (target.provider === "a") throw new AppError("GATEWAY_FIELD_UNSUPPORTED", "It has no logprobs.", { problems: [{ path: "logprobs", message: "unknown" }] });
        return order(routeOf(["a"]), { stream: true }).prepare(target as never, rest[0] as never);
      },
      admit: ({ provider }: { provider: string }) => {
        if (provider === "b") return Promise.reject(new AppError("RATE_LIMITED", "Too many.", { retryAfterSeconds: 9 }));
        places.push(`+${provider}`);
        return Promise.resolve({ leave: () => void places.push(`-${provider}`), giveBack: unasked });
      },
    };
    const opened = await time.until(runner.run(order(routeOf(["a", "b", "c"]), more)));
    assert.deepEqual([outcomes(opened), places], [["c ok"], ["+c"]]);
    await time.until(textOf(opened));
    assert.deepEqual(places, ["+c", "-c"]);
    const alone = await failureOf(runner.run(order(routeOf(["a"]), more)));
    assert.deepEqual([alone.code, alone.problems], ["GATEWAY_FIELD_UNSUPPORTED", [{ path: "logprobs", message: "unknown" }]]);
    const limited = await failureOf(time.until(runner.run(order(routeOf(["b"]), more))));
    assert.deepEqual([limited.code, limited.retryAfterSeconds], ["RATE_LIMITED", 9]);
    assert.equal((await failureOf(time.until(runner.run(order(routeOf(["a", "b"]), more))))).code, "PROVIDER_UNAVAILABLE");
  });

  it("gives back the place of every attempt that fails or is ended", async () => {
    const { time, runner, order, caller } = callStage({ a: [{ status: 500 }], b: [{ afterMs: Infinity }], c: [well] });
    let held = 0;
    const admit = (): Promise<AttemptPlace> => Promise.resolve((held++, { leave: () => void held--, giveBack: unasked }));
    await time.until(runner.run(order(routeOf(["a", "b", "c"], { hedgeAfterMs: 2000 }), { admit })));
    assert.equal(held, 0);
    const ended = failureOf(runner.run(order(routeOf(["b"]), { admit })));
    await settled();
    assert.equal(held, 1);
    caller.abort();
    await ended;
    assert.equal(held, 0);
  });

  it("waits for a place no longer than the deadline, and gives back one that comes too late", async () => {
    const { time, transport, runner, order } = callStage({ a: [well] });
    const place = Promise.withResolvers<AttemptPlace>();
    let given = 0;
    const error = await failureOf(time.until(runner.run(order(routeOf(["a"], { deadlineMs: 1000 }), { admit: () => place.promise }))));
    assert.equal(error.code, "PROVIDER_TIMEOUT");
    place.resolve({ leave: () => assert.fail("Nobody was asked."), giveBack: () => given++ });
    await settled();
    assert.deepEqual([given, transport.requests.length], [1, 0]);
  });

  for (const [status, code] of [[401, "PROVIDER_UNAUTHORIZED"], [402, "PROVIDER_LIMITED"], [404, "PROVIDER_REFUSED"], [429, "PROVIDER_LIMITED"], [500, "PROVIDER_UNAVAILABLE"], [529, "PROVIDER_UNAVAILABLE"]] as const) {
    it(`tells ${status} of all targets as ${code}, naming each`, async () => {
      const { time, runner, order } = callStage({ a: [{ status, body: ["No."] }], b: [{ status, body: ["Neither."] }] });
      const error = await failureOf(time.until(runner.run(order(routeOf(["a", "b"])))));
      const told = (words: string): string => (status === 404 ? `The provider has no such model or path (404): ${words}` : words);
      assert.deepEqual([error.code, error.message], [code, `a/m: ${told("No.")} b/m: ${told("Neither.")}`]);
      assert.equal(error.retryAfterSeconds, [429, 500, 529].includes(status) ? 1 : undefined);
    });
  }

  it("keeps a session with the target that answered it, where latency decides", async () => {
    const { time, runner, order } = callStage({ a: [{ afterMs: 300, body: ['"a"'] }], b: [{ afterMs: 100, body: ['"b"'] }] });
    const settings = routeOf([{ provider: "a", weight: 100 }, { provider: "b" }], { choose: "latency" });
    const ask = async (session: string | null): Promise<string> => (await time.until(runner.run(order(settings, { facts: callFacts({ session }) })))).target.provider;
    assert.deepEqual([await ask("s"), await ask(null), await ask(null), await ask("s"), await ask("t")], ["a", "b", "b", "a", "b"]);
  });
});
