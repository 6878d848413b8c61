import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allNames } from "../../parts/named-things.ts";
import { routeNameNotes } from "./route-name-notes.ts";

const there = {
  routes: [{ name: "support-chat", team: "default" }, { name: "risk-chat", team: "fraud" }],
  providers: [{ name: "openai", settings: {} }, { name: "local", settings: { models: ["qwen3"] } }],
};
const everywhere = { team: "*", patterns: false };

describe("notes on the names of routes", () => {
  it("say nothing of what is there, or not known yet", () => {
    assert.deepEqual(routeNameNotes(["support-chat", "risk-chat", "openai/gpt-5", "local/qwen3"], there, everywhere), []);
    assert.deepEqual(routeNameNotes(["chat", "acme/chat"], { routes: undefined, providers: undefined }, everywhere), []);
  });

  it("tell mistyped names, other teams' routes and patterns that stand for nothing", () => {
    assert.match(routeNameNotes(["suport-chat"], there, everywhere)[0]!, /^There is no route suport-chat: .*as soon as somebody makes it/);
    assert.match(routeNameNotes(["opnai/gpt-5"], there, everywhere)[0]!, /^There is no provider opnai/);
    assert.match(routeNameNotes(["local/gpt-5"], there, everywhere)[0]!, /no model gpt-5/);
    assert.match(routeNameNotes(["risk-chat"], there, { team: "default", patterns: false })[0]!, /the team fraud’s/);
    assert.match(routeNameNotes(["openai/gpt-5"], there, { team: "fraud", patterns: false })[0]!, /the team default’s/);
    assert.match(routeNameNotes(["openai/*"], there, everywhere)[0]!, /stands for none/);
    assert.deepEqual(routeNameNotes(["openai/*", "*", "local/*"], there, { team: "*", patterns: true }), []);
    assert.match(routeNameNotes(["chat*"], there, { team: "*", patterns: true })[0]!, /a pattern is PROVIDER\/\* or \*/);
  });

  it("take what was typed and not added yet, several at once and each once", () => {
    assert.deepEqual(allNames({ names: ["a"], typed: " b, a\nc " }), ["a", "b", "c"]);
    assert.deepEqual(allNames({ names: [], typed: "  " }), []);
  });
});
