import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TargetHealth } from "./provider-health.ts";
import { targetState } from "./target-state.ts";

const stateAfter = (...steps: ((health: TargetHealth) => unknown)[]): string => {
  const health = new TargetHealth({ failures: 2, openSeconds: 10 });
  for (const step of steps) if (health.admits(0)) step(health);
  return targetState(health.view(0));
};
const limited = (health: TargetHealth): void => health.limited();
const failed = (health: TargetHealth): boolean => health.failed(0);
const released = (health: TargetHealth): void => health.released();
const answered = (health: TargetHealth): void => health.succeeded(20);
const begun = (health: TargetHealth): void => health.begun(20, 0);

describe("the state of a target", () => {
  it("is that it answers where it did, and nothing was against it since", () => {
    assert.deepEqual([stateAfter(), stateAfter(answered), stateAfter(begun), stateAfter(released), stateAfter(answered, released)], ["not-asked", "answers", "answers", "unanswered", "answers"]);
  });

  it("is not that it answers where its provider only limits the rate, although nothing failed", () => {
    assert.deepEqual([stateAfter(limited, limited), stateAfter(answered, limited), stateAfter(limited, answered), stateAfter(limited, begun)], ["limited", "limited", "answers", "answers"]);
    const health = new TargetHealth({ failures: 2, openSeconds: 10 });
    for (let call = 0; call < 3; call++) if (health.admits(0)) health.limited();
    assert.deepEqual(health.view(0), { state: "closed", failures: 0, limited: 3, turnedAway: 3, waitMs: 0, ewmaMs: null, calls: 3, answers: 0, errors: 0 });
  });

  it("tells failures before the breaker opens, and the newest trouble", () => {
    assert.deepEqual([stateAfter(failed), stateAfter(answered, failed), stateAfter(failed, limited), stateAfter(limited, failed), stateAfter(failed, failed)], ["failing", "failing", "limited", "failing", "left-alone"]);
  });
});
