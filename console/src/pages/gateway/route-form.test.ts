import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RouteSettings } from "../../../../src/gateway/schemas.ts";
import { numberProblem } from "./form-numbers.ts";
import { blankRoute, routeFormOf, routeProblems, routeSettingsOf, sharesOf } from "./route-form.ts";

const rich: RouteSettings = RouteSettings.parse({
  targets: [{ provider: "a", model: "m", weight: 3, priority: 0, lacks: ["tools"] }, { provider: "b", model: "n", weight: 1, when: { maxCost: 1 } }, { provider: "c", model: "o", priority: 2 }],
  limits: { requestsPerMinute: 10, queue: 5 }, budget: { day: 2.5 }, cache: { exact: false, semantic: { route: "vectors", threshold: 0.9 } },
  guardrails: [{ kind: "max-cost", dollars: 1 }, { kind: "pii", on: "input", types: ["ip"] }, { kind: "patterns", name: "no", patterns: ["x"] }], hedgeAfterMs: 900, systemPrompt: "Be brief.", addedTokens: 5000,
});

describe("the form of a route", () => {
  it("begins with what the server itself would take", () => {
    assert.deepEqual(blankRoute, RouteSettings.parse({ targets: [{ provider: "echo", model: "echo" }] }));
  });

  it("changes nothing by being opened and saved", () => {
    for (const settings of [blankRoute, rich]) assert.deepEqual(routeSettingsOf(routeFormOf(settings), settings), settings);
  });

  it("keeps what it has no field for when something else is changed", () => {
    const form = { ...routeFormOf(rich), pii: "block" as const, requestsPerMinute: "", tokensPerMinute: "5000", day: "", ttlSeconds: "60", repair: "0" };
    const changed = routeSettingsOf(form, rich);
    assert.deepEqual(changed, RouteSettings.parse(changed));
    assert.deepEqual(changed.guardrails, [rich.guardrails[0], { kind: "pii", on: "input", types: ["ip"], action: "block" }, rich.guardrails[2]]);
    assert.deepEqual([changed.limits, changed.budget, changed.repair], [{ tokensPerMinute: 5000, queue: 5, queueMs: 10_000 }, undefined, 0]);
    assert.deepEqual(changed.cache, { exact: false, semantic: { route: "vectors", threshold: 0.9 }, ttlSeconds: 60 });
    assert.deepEqual([changed.hedgeAfterMs, changed.systemPrompt, changed.targets[0]!.lacks], [900, "Be brief.", ["tools"]]);
  });

  it("has the prompt, the times and what is kept of a call as fields", () => {
    const form = routeFormOf(rich);
    assert.deepEqual([form.systemPrompt, form.deadlineSeconds, form.firstByteSeconds, form.attempts, form.recordsContent], ["Be brief.", "120", "60", "2", true]);
    const changed = routeSettingsOf({ ...form, systemPrompt: "Be kind.\nBe brief.", deadlineSeconds: "30", firstByteSeconds: "1.5", attempts: "1", recordsContent: false }, rich);
    assert.deepEqual(changed, RouteSettings.parse({ ...rich, systemPrompt: "Be kind.\nBe brief.", deadlineMs: 30_000, firstByteMs: 1500, attempts: 1, recordContent: false }));
    assert.deepEqual(Object.keys(routeProblems({ ...form, deadlineSeconds: "", firstByteSeconds: "3601", attempts: "0" })).sort(), ["attempts", "deadlineSeconds", "firstByteSeconds"]);
  });

  it("has the tokens that a provider may add, of which none is a number too", () => {
    const form = routeFormOf(rich);
    assert.equal(form.addedTokens, "5000");
    assert.deepEqual(["0", "1000", ""].map((addedTokens) => routeSettingsOf({ ...form, addedTokens }, rich).addedTokens), [0, 1000, undefined]);
    assert.deepEqual(["", "0", "1.5", "-1", "many", "1e9"].map((addedTokens) => "addedTokens" in routeProblems({ ...form, addedTokens })), [false, false, true, true, true, true]);
  });

  it("takes away what is switched off", () => {
    const bare = routeSettingsOf({ ...routeFormOf(rich), pii: "off", isCached: false, systemPrompt: " " }, rich);
    assert.deepEqual([bare.guardrails.map(({ kind }) => kind), "cache" in bare, "systemPrompt" in bare], [["max-cost", "patterns"], false, false]);
    assert.deepEqual(routeSettingsOf({ ...routeFormOf(blankRoute), pii: "redact" }, blankRoute).guardrails, RouteSettings.parse({ ...blankRoute, guardrails: [{ kind: "pii" }] }).guardrails);
  });

  it("says what is wrong by its field", () => {
    assert.deepEqual(routeProblems(routeFormOf(rich)), {});
    const form = routeFormOf(rich);
    const wrong = { ...form, day: "0", concurrency: "1.5", repair: "6", targets: [{ ...form.targets[0]!, weight: "many", model: " " }] };
    assert.deepEqual(Object.keys(routeProblems(wrong)).sort(), ["concurrency", "day", "repair", "targets.0.model", "targets.0.weight"]);
    assert.equal(numberProblem("$2.50", { above: true }), undefined);
  });

  it("shares calls among the targets of one priority", () => {
    assert.deepEqual(sharesOf(rich.targets), [0.75, 0.25, 1]);
    assert.deepEqual(sharesOf([{ weight: 0, priority: 0 }]), [0]);
  });
});
