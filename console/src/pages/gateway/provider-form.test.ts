import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProviderRequest, ProviderSettings } from "../../../../src/gateway/schemas.ts";
import { blankProvider, providerFormOf, providerProblems, providerRequestOf } from "./provider-form.ts";

const rich = ProviderSettings.parse({ kind: "azure", baseUrl: "https://x.example/openai", apiVersion: "v1", defaultTier: "priority", models: ["a", "b"], headers: { "X-Team": "fraud: eu" }, maxConnections: 3, limits: { concurrency: 2 }, modelLimits: { "gpt-5": { tokensPerMinute: 30_000 }, "llama3:8b": { concurrency: 2, queue: 4 } } });

describe("the form of a provider", () => {
  it("begins with the server's defaults, and changes nothing by itself", () => {
    assert.deepEqual(blankProvider, ProviderSettings.parse({ kind: "openai" }));
    for (const settings of [blankProvider, rich]) assert.deepEqual(providerRequestOf(providerFormOf(settings, "keep"), settings), { settings });
  });

  it("says of a secret only where it comes from, and nothing of one that is kept", () => {
    const form = { ...providerFormOf(rich, "keep"), secret: " sk-1 " };
    const secretOf = (secretFrom: typeof form.secretFrom): unknown => {
      const request = providerRequestOf({ ...form, secretFrom }, rich);
      ProviderRequest.parse({ revision: 0, ...request, ...(secretFrom === "environment" ? { secret: { from: "environment", name: "OPENAI_API_KEY" } } : {}) });
      return "secret" in request ? request.secret : "kept";
    };
    assert.deepEqual((["keep", "none", "value", "environment", "file"] as const).map(secretOf), ["kept", null, { from: "value", value: " sk-1 " }, { from: "environment", name: "sk-1" }, { from: "file", path: "sk-1" }]);
  });

  it("takes away what was emptied", () => {
    const { settings } = providerRequestOf({ ...providerFormOf(rich, "keep"), kind: "openai", baseUrl: "", apiVersion: " ", defaultTier: " ", models: "\n", headers: "", modelLimits: "" }, rich);
    assert.deepEqual(settings, { ...blankProvider, maxConnections: 3, limits: rich.limits });
  });

  it("has a line for the limits of each model", () => {
    const form = providerFormOf(rich, "keep");
    assert.equal(form.modelLimits, "gpt-5 = tokensPerMinute:30000, queue:0, queueMs:10000\nllama3:8b = concurrency:2, queue:4, queueMs:10000");
    assert.deepEqual(providerRequestOf({ ...form, modelLimits: "* = requestsPerMinute:60" }, rich).settings.modelLimits, ProviderSettings.parse({ ...rich, modelLimits: { "*": { requestsPerMinute: 60 } } }).modelLimits);
    for (const wrong of ["gpt-5", "gpt-5 = 3", "= concurrency:3", "gpt-5 = calls:3"]) assert.deepEqual(Object.keys(providerProblems({ ...form, modelLimits: wrong })), ["modelLimits"], wrong);
  });

  it("has a line for each answer of a scripted provider, and keeps what is more than a text", () => {
    const scripted = ProviderSettings.parse({ kind: "scripted", script: [{ text: "Sent on Tuesday." }, { status: 500, error: "overloaded" }, { text: "two\nlines", delayMs: 20 }, { text: "{" }, { text: "" }, { toolCalls: [{ name: "find", arguments: "{}" }] }] });
    const form = providerFormOf(scripted, "keep");
    assert.match(form.answers, /^Sent on Tuesday\.\n\{"status":500,"delayMs":0,"error":"overloaded"\}\n/);
    assert.deepEqual(ProviderSettings.parse(providerRequestOf(form, scripted).settings), scripted);
    assert.deepEqual(Object.keys(providerProblems({ ...form, answers: "{not JSON" })), ["answers"]);
    assert.deepEqual(Object.keys(providerProblems({ ...form, answers: " " })), ["answers"]);
    assert.equal("script" in providerRequestOf({ ...form, kind: "echo" }, scripted).settings, false);
    assert.deepEqual(providerRequestOf({ ...form, baseUrl: "https://x.example", headers: "X-Team: a" }, scripted).settings, scripted, "what was typed for another kind is of no use to it");
  });

  it("names what is missing", () => {
    const form = providerFormOf(blankProvider, "none");
    assert.deepEqual(providerProblems(form), {});
    assert.deepEqual(Object.keys(providerProblems({ ...form, kind: "compatible", headers: "no colon", secretFrom: "file" })), ["baseUrl", "headers", "secret"]);
    assert.deepEqual(Object.keys(providerProblems({ ...form, kind: "bedrock" })), ["region"]);
    assert.deepEqual(Object.keys(providerProblems({ ...form, baseUrl: "ftp://x" })), ["baseUrl"]);
  });
});
