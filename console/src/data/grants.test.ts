import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { grantWords, mayOnServer } from "./grants.ts";

describe("grants", () => {
  it("are said with all that they are bound to, routes too", () => {
    assert.equal(grantWords({ role: "deployer", team: "fraud" }), "deployer in fraud");
    assert.equal(grantWords({ role: "viewer", team: "*" }), "viewer everywhere");
    assert.equal(grantWords({ role: "viewer", team: "*", routes: ["support-chat", "openai/gpt-5"] }), "viewer of support-chat, openai/gpt-5");
    assert.equal(grantWords({ role: "viewer", team: "fraud", models: ["risk"], routes: ["support-chat"] }), "viewer of risk, support-chat in fraud");
    assert.equal(grantWords({ role: "viewer", team: "fraud", models: [] }), "viewer of nothing in fraud");
  });

  it("that name models, experiments or routes do not hold on the whole server", () => {
    assert.equal(mayOnServer([{ role: "admin", team: "*" }], "viewer"), true);
    assert.equal(mayOnServer([{ role: "admin", team: "fraud" }], "viewer"), false);
    for (const list of ["models", "experiments", "routes"]) assert.equal(mayOnServer([{ role: "admin", team: "*", [list]: ["one"] }], "viewer"), false, list);
  });
});
