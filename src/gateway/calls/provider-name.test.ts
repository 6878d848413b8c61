import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProviderKind } from "../schemas.ts";
import { providerName } from "./provider-name.ts";

describe("the name of a provider in the conventions", () => {
  it("is that of its kind, else the one that it was entered by", () => {
    const named = (kind: ProviderKind, baseUrl?: string): string => providerName({ kind, ...(baseUrl === undefined ? {} : { baseUrl }) }, "my-own");
    assert.deepEqual((["openai", "azure", "anthropic", "gemini", "bedrock", "mistral", "cohere", "ollama", "echo", "scripted", "compatible"] as const).map((kind) => named(kind)), [
      "openai", "azure.ai.openai", "anthropic", "gcp.gemini", "aws.bedrock", "mistral_ai", "cohere", "my-own", "my-own", "my-own", "my-own",
    ]);
    assert.equal(named("openai", "http://127.0.0.1:4000/v1"), "openai");
    assert.equal(providerName(undefined, "gone"), "gone");
  });

  it("of one that speaks OpenAI's protocol is the conventions' own where its address is of one of theirs", () => {
    const ofAddress = (baseUrl: string, kind: ProviderKind = "compatible"): string => providerName({ kind, baseUrl }, "my-own");
    const named = {
      "https://api.groq.com/openai/v1": "groq", "https://api.deepseek.com": "deepseek", "https://api.perplexity.ai": "perplexity", "https://api.x.ai/v1": "x_ai", "https://eu-west-1.api.x.ai/v1": "x_ai",
      "https://us-south.ml.cloud.ibm.com/ml/gateway/v1": "ibm.watsonx.ai", "https://mine.services.ai.azure.com/models": "azure.ai.inference", "https://mine.openai.azure.com/openai/v1": "azure.ai.openai",
      "https://generativelanguage.googleapis.com/v1beta/openai": "gcp.gemini", "https://europe-west4-aiplatform.googleapis.com/v1": "gcp.vertex_ai", "https://aiplatform.googleapis.com/v1": "gcp.vertex_ai",
      "https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1": "aws.bedrock", "https://api.mistral.ai/v1": "mistral_ai", "https://API.GROQ.com/openai/v1": "groq",
    };
    for (const [address, name] of Object.entries(named)) assert.equal(ofAddress(address), name, address);
    for (const other of ["http://10.0.0.5:8000/v1", "https://openrouter.ai/api/v1", "https://notapi.groq.com.example.org/v1", "https://fake-api.groq.com.example/v1", "https://myapi.x.ai.example/v1", "https://xapi.groq.com/v1"]) assert.equal(ofAddress(other), "my-own", other);
    assert.equal(ofAddress("https://us-central1-aiplatform.googleapis.com", "gemini"), "gcp.vertex_ai");
    assert.equal(ofAddress("http://127.0.0.1:4000", "gemini"), "gcp.gemini");
  });
});
