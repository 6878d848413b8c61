import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RouteSettings } from "../schemas.ts";
import { heldNotes } from "./held-settings.ts";

const settings = (more: object = {}): RouteSettings => RouteSettings.parse({ targets: [{ provider: "echo", model: "echo" }], ...more });
const pii = { kind: "pii" };
const secrets = { kind: "patterns", name: "secrets", patterns: ["sk-"] };

describe("what a try leaves as it is", () => {
  it("is said of guardrails that are taken away or changed, and not of those that come", () => {
    assert.deepEqual(heldNotes(settings({ guardrails: [pii] }), settings({ guardrails: [pii, secrets] })), []);
    assert.deepEqual(heldNotes(settings({ guardrails: [pii, secrets] }), settings({ guardrails: [pii] })), ["The guardrail secrets, taken away or changed in what is tried, holds for all calls as now until the tried settings are the route's own."]);
    assert.match(heldNotes(settings({ guardrails: [pii, secrets] }), settings({ guardrails: [{ ...pii, action: "block" }] }))[0]!, /^The guardrails pii, secrets, .* hold for all calls/);
  });

  it("is said of limits, budget, deadline and sessions", () => {
    assert.deepEqual(heldNotes(settings(), settings({ systemPrompt: "Be brief." })), []);
    assert.deepEqual(heldNotes(settings({ budget: { day: 5 } }), settings({ sticky: false, limits: { concurrency: 1 } })), ["limits, budget, sticky stay as they are for all calls until the tried settings are the route's own."]);
  });
});
