import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settled } from "../routing/call-stage.fixture.ts";
import { openAiQuestion, otherAccount, shadowOf, splitOf, splitStage, textOf, type ModelScript } from "./split-stage.fixture.ts";

type Stage = Awaited<ReturnType<typeof splitStage>>;

/** Everything is answered by stable, and asked of the candidate too. */
async function mirrored(candidate: ModelScript, { shadow = {}, settings = {}, own = {}, latencyMs = null }: { shadow?: Parameters<typeof shadowOf>[0]; settings?: object; own?: object; latencyMs?: number | null } = {}): Promise<Stage> {
  const stage = await splitStage({ scripts: { new: candidate }, stable: settings, candidate: { ...settings, ...own } });
  await stage.splits.apply(splitOf(0, { shadow: shadowOf(shadow), hard: { failures: 3, latencyMs } }));
  return stage;
}

describe("SplitShadows", () => {
  for (const stream of [false, true]) {
    it(`asks the candidate what stable has answered ${stream ? "in a stream" : "whole"}, after the answer`, async () => {
      const stage = await mirrored({});
      const answer = await stage.ask(openAiQuestion({ stream }));
      assert.deepEqual(stage.models.asked.map(({ model }) => model), ["old"], "not before the answer is there");
      assert.match(await textOf(answer), /by old/);
      assert.equal(answer.headers["X-Slipway-Arm"], "stable");
      await settled();
      assert.deepEqual(stage.models.asked.map(({ model }) => model), ["old", "new"]);
      const [own, theirs] = stage.entries;
      assert.deepEqual([own!.attribution.tags, theirs!.attribution.tags], [{}, { "slipway.shadow": splitOf(0).rollout }]);
      assert.equal(theirs!.cost, 20_000_000);
      const [trace] = stage.spans.filter(({ attributes }) => "slipway.shadow_of" in attributes);
      assert.equal(trace!.attributes["slipway.shadow_of"], answer.headers["X-Slipway-Trace"]);
      assert.notEqual(trace!.traceId, answer.headers["X-Slipway-Trace"]);
      assert.deepEqual(stage.told.samples.map(({ arm, outcome }) => [arm, outcome]), [["stable", "ok"]]);
      const [pair] = stage.told.pairs;
      assert.equal(stage.told.pairs.length, 1);
      assert.deepEqual([pair!.stable.revision, pair!.stable.costDollars], ["1", 0.02]);
      assert.deepEqual(pair!.shadow, { arm: "candidate", revision: "2", latencyUs: 0, costDollars: 0.02, outcome: "ok", isFailure: false, traceId: trace!.traceId });
    });
  }

  it("tells what each of a pair cost and took, as its own", async () => {
    const stage = await mirrored({ outputTokens: 30, afterMs: 70 });
    await stage.ask();
    await stage.time.pass(70);
    const [{ stable, shadow }] = stage.told.pairs as [Stage["told"]["pairs"][number]];
    assert.deepEqual([stable.costDollars, stable.latencyUs, shadow.costDollars, shadow.latencyUs], [0.02, 0, 0.04, 70_000]);
  });

  it("has scores where it alone is with the candidate, and none beside calls of the candidate's own", async () => {
    for (const [share, scored] of [[0, undefined], [1e-9, false]] as const) {
      const stage = await splitStage();
      await stage.splits.apply(splitOf(share, { shadow: shadowOf() }));
      await stage.ask();
      await settled();
      const marks = stage.spans.filter(({ attributes }) => "slipway.arm" in attributes).map(({ attributes }) => [attributes["slipway.arm"], attributes["slipway.scored"]]);
      assert.deepEqual(marks, [["stable", undefined], ["candidate", scored]]);
    }
  });

  it("delays nobody by a candidate that hangs, and ends it when its time is over", async () => {
    const stage = await mirrored({ afterMs: Infinity }, { latencyMs: 500 });
    assert.match(await textOf(await stage.ask()), /by old/);
    await settled();
    assert.equal(stage.told.pairs.length, 0);
    await stage.time.pass(500);
    assert.deepEqual(stage.told.pairs.map(({ shadow }) => [shadow.outcome, shadow.isFailure]), [["CANDIDATE_TIMEOUT", true]]);
    assert.deepEqual(stage.models.ended, ["new"]);
  });

  it("shows no caller what the candidate fails at", async () => {
    const stage = await mirrored({ status: 500 });
    assert.match(await textOf(await stage.ask()), /by old/);
    await settled();
    assert.deepEqual(stage.told.pairs.map(({ shadow }) => [shadow.outcome, shadow.isFailure]), [["PROVIDER_UNAVAILABLE", true]]);
    assert.deepEqual(stage.told.samples.map(({ outcome }) => outcome), ["ok"]);
  });

  it("leaves a call out that met a limit of the account of both, and blames nobody for one of its own account", async () => {
    for (const [own, told, skipped] of [[{}, [], 1], [otherAccount, [["PROVIDER_LIMITED", false, true]], 0]] as const) {
      const stage = await mirrored({ status: 429 }, { own });
      await stage.ask();
      await settled();
      assert.deepEqual(stage.told.pairs.map(({ shadow }) => [shadow.outcome, shadow.isFailure, shadow.isLimited]), told);
      assert.equal(stage.told.skipped, skipped);
    }
  });

  it("leaves out what is too much at once, and counts it", async () => {
    const stage = await mirrored({ afterMs: 100 }, { shadow: { maxConcurrent: 1 } });
    for (let call = 0; call < 3; call++) await stage.ask();
    await stage.time.pass(100);
    assert.deepEqual([stage.told.pairs.length, stage.told.skipped], [1, 2]);
    await stage.ask();
    await stage.time.pass(100);
    assert.deepEqual([stage.told.pairs.length, stage.told.skipped], [2, 2]);
  });

  it("mirrors the share that is asked for", async () => {
    const stage = await mirrored({}, { shadow: { share: 0.5, maxConcurrent: 100, maxPerSecond: 100 } });
    for (let call = 0; call < 60; call++) await stage.ask();
    await settled();
    const { length } = stage.told.pairs;
    assert.ok(length > 10 && length < 50, String(length));
    assert.equal(stage.told.skipped, 0);
  });

  it("neither reads nor writes the cache, and mirrors no hit of it", async () => {
    const stage = await mirrored({}, { settings: { cache: {} } });
    for (let call = 0; call < 2; call++) {
      await stage.ask();
      await settled();
    }
    assert.deepEqual(stage.told.samples.map(({ outcome }) => outcome), ["ok", "cached"]);
    assert.equal(stage.told.pairs.length, 1);
    await stage.splits.apply(splitOf(1, { revision: 2 }));
    assert.equal((await stage.ask()).headers["X-Slipway-Cache"], "miss");
  });

  it("takes no place of the route's limits, and nothing of a budget that has no room", async () => {
    const limited = await mirrored({}, { settings: { limits: { requestsPerMinute: 1 } } });
    await limited.ask();
    await settled();
    assert.equal(limited.told.pairs.length, 1);
    // The worst case of a call is some 4.1 dollars, and this one cost 0.02.
    const poor = await mirrored({}, { settings: { budget: { day: 4.12 } } });
    await poor.ask(openAiQuestion({ max_tokens: 4000 }));
    await settled();
    assert.deepEqual([poor.told.pairs.length, poor.told.skipped], [1, 0]);
    await poor.ask(openAiQuestion({ max_tokens: 4060 }));
    await settled();
    assert.deepEqual([poor.told.pairs.length, poor.told.skipped, poor.models.asked.length], [1, 1, 3]);
    assert.equal((await poor.budgetUse()).reserved, 0);
  });

  it("ends what is under way when the server stops, and begins nothing more", async () => {
    const stage = await mirrored({ afterMs: Infinity });
    await stage.ask();
    await settled();
    await stage.splitCalls.stop();
    assert.deepEqual(stage.entries.map(({ model, outcome }) => [model, outcome]), [["old", "ok"], ["new", "cancelled"]]);
    assert.deepEqual(stage.told.pairs, []);
    await stage.ask();
    await settled();
    assert.equal(stage.models.asked.length, 3);
  });
});
