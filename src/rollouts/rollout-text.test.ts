import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { routeFor, rolloutOf, verdictOf } from "./rollout.fixture.ts";
import { rolloutText, verdictText } from "./rollout-text.ts";
import type { RolloutStatus } from "./schemas.ts";

const running = rolloutOf("rol_1", { state: "running", phase: 1, phaseSince: 1 });
const status: RolloutStatus = {
  rollout: running, route: { ...routeFor("rol_1"), revision: 3 }, figures: { arms: [], paired: [] }, latest: verdictOf("vdt_1", "rol_1"),
  replicas: [{ id: "a", revision: 3, seenAt: 1, live: true }, { id: "b", revision: 2, seenAt: 1, live: true }, { id: "c", revision: 1, seenAt: 0, live: false }],
  checks: [{ phase: 2, name: "owner", kind: "approval", state: "waits for approval", detail: "" }, { phase: 2, name: "later", kind: "command", state: "pending", detail: "" }],
};

describe("a rollout as text", () => {
  it("shows phases, split, what waits, servers that are behind and gates", () => {
    assert.equal(rolloutText(status), [
      "flights: version 2 beside 1, running   rol_1",
      "  [x] shadow 0%  [>] canary 5%  [ ] staged 25%  [ ] full 100%",
      "  ##...................................... 5% of the traffic is the candidate's",
      "  check owner: waits for approval",
      "  1 of 2 servers do not have the route yet",
      "  GATE",
      "  samples  waits  3 of 500",
      "  hold: too few",
    ].join("\n"));
  });

  it("shows how it ended", () => {
    assert.equal(rolloutText({ ...status, rollout: { ...running, id: "rol_2", kind: "ab-test" } }).split("\n")[1], "  slipway abtest status rol_2");
    const ended = rolloutText({ ...status, rollout: { ...running, state: "succeeded", reason: "every phase passed", phase: 3 }, route: null, latest: null, checks: [], replicas: [] });
    assert.match(ended, /succeeded \(every phase passed\)/);
    assert.match(ended, /\[x\] full 100%\n {2}#{40} 100% of the traffic/);
  });

  it("says of a verdict who decided", () => {
    assert.equal(verdictText(verdictOf("vdt_1", "rol_1", { by: "key:key_1", decision: "promote", reason: "looks good" })), "2023-11-14T22:13:20.500Z  phase 1 after 12 s  promote by key:key_1: looks good");
  });
});
