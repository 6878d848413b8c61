import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import type { RouteTarget } from "../schemas.ts";
import { routeOf } from "./call-stage.fixture.ts";
import type { ReadyProvider } from "./call-plan.ts";
import { TargetHealth } from "./provider-health.ts";
import { RaceCandidates, type Candidate } from "./race-candidates.ts";

const limits = { failures: 1, openSeconds: 60 };

function stage(deadlineMs = 10_000) {
  const clock = new ManualClock(1000);
  const candidates = new RaceCandidates({ clock, random: () => 0.5, deadline: clock.monotonic() + deadlineMs });
  const made = (provider: string, more: Partial<RouteTarget> = {}): Candidate =>
    ({ target: routeOf([{ provider, ...more }]).targets[0]!, provider: {} as ReadyProvider, health: new TargetHealth(limits), failures: 0, attemptsLeft: 2, firstFailureAt: null, notBefore: 0, asLastResort: false, isRenewed: false });
  const rest = (): string => {
    let names = "";
    for (let next = candidates.next(); next !== undefined; next = candidates.next()) names += next.target.provider;
    return names;
  };
  return { clock, candidates, made, rest };
}

describe("candidates of a call", () => {
  it("come fresh in their order, then again by the moment from which they may be asked, then those that were left alone", () => {
    const { candidates, made, rest } = stage();
    candidates.leaveAlone(made("z"));
    candidates.askAgain({ ...made("y"), notBefore: 1500 });
    candidates.askAgain({ ...made("x"), notBefore: 1200 });
    for (const provider of ["a", "b"]) candidates.add(made(provider));
    assert.deepEqual([candidates.hasFresh, candidates.hasUnasked, candidates.hasAgain, candidates.isAnyLeft], [true, true, true, true]);
    assert.equal(rest(), "abxyz");
    assert.equal(candidates.isAnyLeft, false);
  });

  it("leave room for others that would be asked, and for none that is left alone", () => {
    const { candidates, clock, made } = stage();
    const open = made("open");
    open.health.failed(clock.monotonic());
    for (const one of [made("a"), open]) candidates.add(one);
    assert.equal(candidates.others(clock.monotonic()), 1);
  });

  it("are only those with more room, where a conversation was too long: a larger one, or another model that says nothing of its own", () => {
    const { candidates, made, rest } = stage();
    for (const [provider, more] of [["a", { maxContextTokens: 1000 }], ["b", { maxContextTokens: 1001 }], ["c", { model: "m" }], ["d", { model: "other" }], ["e", { maxContextTokens: 10 }]] as const) candidates.add(made(provider, more));
    candidates.askAgain(made("f", { maxContextTokens: 900 }));
    candidates.keepRoomier(made("g", { maxContextTokens: 1000 }).target, 5000);
    assert.equal(rest(), "bd");
  });

  it("are measured by the conversation where the target that refused it does not say how much it takes", () => {
    const { candidates, made, rest } = stage();
    for (const [provider, maxContextTokens] of [["a", 5000], ["b", 5001]] as const) candidates.add(made(provider, { maxContextTokens }));
    candidates.keepRoomier(made("g").target, 5000);
    assert.equal(rest(), "b");
  });

  it("that failed as a last resort a moment ago are waited for, spread by chance, and not beyond the deadline", () => {
    const { candidates, clock, made } = stage();
    const [soon, late] = [made("soon"), made("late")];
    soon.health.failed(clock.monotonic(), true);
    late.health.failed(clock.monotonic() + 10_000, true);
    for (const one of [late, soon]) candidates.leaveAlone(one);
    const next = candidates.next()!;
    assert.deepEqual([next.target.provider, next.asLastResort, next.attemptsLeft, next.notBefore], ["soon", true, 1, 1350]);
    assert.equal(candidates.next(), undefined);
  });

  it("are no last resort with less than 20 ms for them", () => {
    for (const [deadlineMs, rest] of [[369, ""], [370, "soon"]] as const) {
      const { candidates, clock, made, rest: asked } = stage(deadlineMs);
      const soon = made("soon");
      soon.health.failed(clock.monotonic(), true);
      candidates.leaveAlone(soon);
      assert.equal(asked(), rest);
    }
  });
});
