import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Caller, Grant } from "../core/caller.ts";
import { grantNotes } from "./grant-notes.ts";

const teams: Readonly<Record<string, string>> = { "route chat": "default", "route find": "search", "route openai/gpt-5": "default", "model fraud": "default" };
const objects = {
  teamOf: (kind: string, name: string) => teams[`${kind} ${name}`] ?? null,
  routeName: (name: string) => (name === "gpt-5" ? "openai/gpt-5" : (`route ${name}` in teams ? name : null)),
};
const callerOf = (...grants: Grant[]): Caller => ({ actor: "key:key_1", name: "maker", grants });
const root = callerOf({ role: "admin", team: "*" });
const notesOf = (grant: Partial<Grant>, maker = root): Promise<string[]> => grantNotes([{ role: "viewer", team: "*", ...grant }], maker, objects);

describe("what is noted on the grants of a new key", () => {
  it("is nothing where each name is there and may be used", async () => {
    assert.deepEqual(await notesOf({ routes: ["chat", "find", "openai/gpt-5"], models: ["fraud"] }), []);
    assert.deepEqual(await notesOf({ team: "search", routes: ["find"] }), []);
    assert.deepEqual(await notesOf({}), []);
  });

  it("is a name that is not there, or another team's", async () => {
    assert.deepEqual(await notesOf({ routes: ["chta"], models: ["fruad"] }), [
      "There is no model fruad: look whether the name is right, or make it; the key may use it from then on.",
      "There is no route chta: look whether the name is right, or make it; the key may use it from then on.",
    ]);
    assert.deepEqual(await notesOf({ team: "search", routes: ["chat"] }), ["The route chat is the team default's, and this key may use what the team search has: it may not use chat."]);
  });

  it("is a name by which grants know nothing", async () => {
    assert.deepEqual(await notesOf({ routes: ["gpt-5"] }), ["Grants know gpt-5 as openai/gpt-5: this key may not call it. Make one for openai/gpt-5."]);
    assert.match((await notesOf({ routes: ["openai/*"] }))[0]!, /set-key KEY --route 'openai\/\*'/);
  });

  it("tells a maker nothing of what only others see", async () => {
    const maker = callerOf({ role: "contributor", team: "search" });
    const [hidden, none] = [await notesOf({ team: "search", routes: ["chat"] }, maker), await notesOf({ team: "search", routes: ["none"] }, maker)];
    assert.deepEqual(hidden.map((note) => note.replaceAll("chat", "none")), none);
    assert.match(none[0]!, /^There is no route none in the team search/);
  });
});
