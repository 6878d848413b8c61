import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { forgetStartNotes, rememberStartNotes, startNotes } from "./start-notes.ts";

describe("notes of starts", () => {
  afterEach(forgetStartNotes);

  it("are those of one rollout, and none of others", () => {
    rememberStartNotes("rol_1", ["a", "b"]);
    rememberStartNotes("rol_2", []);
    assert.deepEqual(["rol_1", "rol_2", "rol_3"].map(startNotes), [["a", "b"], [], []]);
  });

  it("are kept of the newest fifty, and not for another reader", () => {
    for (let number = 0; number < 60; number++) rememberStartNotes(`rol_${number}`, ["a"]);
    assert.deepEqual(["rol_9", "rol_10", "rol_59"].map((id) => startNotes(id).length), [0, 1, 1]);
    forgetStartNotes();
    assert.deepEqual(startNotes("rol_59"), []);
  });
});
