import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { providerProblems } from "./provider-problems.ts";
import { ProviderSettings, type SecretSource } from "../schemas.ts";

const key = "sk-proj-abcdefghijklmnop";
const problemsOf = (settings: object, secret: SecretSource | null = null): (readonly [string, string])[] =>
  providerProblems(ProviderSettings.parse({ kind: "openai", ...settings }), secret).map(({ path, message }) => [path, message] as const);
const value = (text: string): SecretSource => ({ from: "value", value: text });

describe("what is wrong with a provider that somebody enters", () => {
  it("is a key in a field that everybody sees, which is not said again", () => {
    const fields: [object, string][] = [
      [{ apiVersion: key }, "settings.apiVersion"], [{ region: "AKIAIOSFODNN7EXAMPLE" }, "settings.region"], [{ baseUrl: `https://api.openai.com/${key}` }, "settings.baseUrl"],
      [{ headers: { "X-Own": `Bearer ${key}` } }, "settings.headers.X-Own"], [{ headers: { authorization: "any" } }, "settings.headers.authorization"], [{ baseUrl: "https://api.openai.com/v1?key=any" }, "settings.baseUrl"],
    ];
    for (const [settings, path] of fields) {
      const [problem, ...more] = problemsOf(settings);
      assert.deepEqual([problem?.[0], more], [path, []]);
      assert.match(problem![1], /secret/);
      assert.ok(!problem![1].includes(key));
    }
    assert.deepEqual(problemsOf({ baseUrl: "https://api.openai.com/v1", apiVersion: "2024-10-21-preview", headers: { "OpenAI-Organization": "org-abcdefghijkl", "X-Task": "task-1234567890" } }, value(key)), []);
  });

  it("is a secret that cannot be one", () => {
    for (const text of ["sk-a\nsk-b", "sk 1", "sk-\u00e9", "  ", "OPENAI_API_KEY=sk-1", "export OPENAI_API_KEY=sk-1"]) assert.deepEqual(problemsOf({}, value(text)).map(([path]) => path), ["secret.value"], text);
    for (const text of [`${key}\n`, "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG+bPx=", "c2VjcmV0X2tleQ=="]) assert.deepEqual(problemsOf({}, value(text)), [], text);
    for (const path of ["/etc/passwd", "../outside", "a/../../b"]) assert.deepEqual(problemsOf({}, { from: "file", path }).map(([at]) => at), ["secret.path"]);
    assert.deepEqual(problemsOf({}, { from: "file", path: "deep/openai..key" }), []);
    assert.deepEqual(problemsOf({}, { from: "environment", name: "HOME" }).map(([at]) => at), ["secret.name"]);
  });

  it("is what its kind needs and was not given", () => {
    assert.deepEqual(problemsOf({ kind: "azure" }).map(([path]) => path), ["settings.baseUrl"]);
    assert.deepEqual(problemsOf({ kind: "bedrock" }).map(([path]) => path), ["settings.region"]);
    assert.deepEqual(problemsOf({ kind: "scripted" }).map(([path]) => path), ["settings.script"]);
  });

  it("is an address of one kind of call, with the base that was meant", () => {
    const wrong: [kind: string, given: string, meant: string][] = [
      ["openai", "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"], ["compatible", "http://10.0.0.5:8000/v1/chat/completions/", "http://10.0.0.5:8000/v1"],
      ["compatible", "http://10.0.0.5:8000/v1/models", "http://10.0.0.5:8000/v1"], ["compatible", "http://host/inference/chat/completions", "http://host/inference"], ["openai", "https://api.openai.com/v1/responses", "https://api.openai.com/v1"],
      ["mistral", "https://api.mistral.ai/v1/embeddings", "https://api.mistral.ai/v1"], ["anthropic", "https://api.anthropic.com/v1/messages", "https://api.anthropic.com"], ["anthropic", "https://proxy/claude/v1", "https://proxy/claude"],
      ["gemini", "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent", "https://generativelanguage.googleapis.com"], ["gemini", "https://generativelanguage.googleapis.com/v1beta/", "https://generativelanguage.googleapis.com"],
      ["cohere", "https://api.cohere.com/v2/chat", "https://api.cohere.com"], ["ollama", "http://localhost:11434/api/chat", "http://localhost:11434"], ["ollama", "http://localhost:11434/v1/chat/completions", "http://localhost:11434"],
      ["ollama", "http://localhost:11434/v1", "http://localhost:11434"], ["azure", "https://n.openai.azure.com/openai/deployments/gpt-5/chat/completions?api-version=2024-10-21", "https://n.openai.azure.com"],
      ["azure", "https://n.openai.azure.com/openai/v1/chat/completions", "https://n.openai.azure.com/openai/v1"], ["azure", "https://n.openai.azure.com/openai", "https://n.openai.azure.com"],
      ["bedrock", "https://bedrock-runtime.eu-central-1.amazonaws.com/model/anthropic.claude-v2/converse-stream", "https://bedrock-runtime.eu-central-1.amazonaws.com"],
    ];
    for (const [kind, given, meant] of wrong) {
      const [problem, ...more] = problemsOf({ kind, baseUrl: given });
      assert.deepEqual([problem?.[0], more], ["settings.baseUrl", []], given);
      assert.ok(problem![1].endsWith(`give ${meant}${kind === "azure" ? ", and the version of the API as apiVersion" : ""}`), problem![1]);
      assert.deepEqual(problemsOf({ kind, baseUrl: meant }), [], meant);
    }
    for (const [kind, baseUrl] of [
      ["openai", "https://api.openai.com/v1/"], ["compatible", "http://10.0.0.5:8000"], ["compatible", "https://x.services.ai.azure.com/models"], ["compatible", "http://host/embeddings"], ["compatible", "http://host/api/v3"], ["azure", "https://n.openai.azure.com/openai/v1/"],
      ["anthropic", "https://gateway.example/v1/account/anthropic"], ["compatible", "http://host/chat"], ["azure", "https://x.example/openai"],
    ] as const) assert.deepEqual(problemsOf({ kind, baseUrl }), [], baseUrl);
  });
});
