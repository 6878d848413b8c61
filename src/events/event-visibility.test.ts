import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Grant } from "../core/caller.ts";
import { visibleEvents } from "./event-visibility.ts";

const seenBy = (...grants: Grant[]) => visibleEvents({ actor: "key:k", name: "k", grants });

describe("which events a caller sees", () => {
  it("are those of whole teams, and of what a grant names and nothing beside", () => {
    assert.deepEqual(seenBy({ role: "viewer", team: "red" }), { teams: ["red"], objects: [] });
    assert.deepEqual(seenBy({ role: "viewer", team: "red", routes: ["chat"] }), { teams: [], objects: [{ team: "red", object: "gateway-route:chat" }] });
    assert.deepEqual(seenBy({ role: "viewer", team: "red", models: ["m"], experiments: ["1"] }).objects, [{ team: "red", object: "model:m" }, { team: "red", object: "experiment:1" }]);
    assert.deepEqual(seenBy({ role: "deployer", team: "red", routes: [] }), { teams: [], objects: [] });
  });
});
