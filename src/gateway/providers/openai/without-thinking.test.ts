import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatRequest } from "../../conversation/chat-request.ts";
import { providerMappings } from "../provider-mappings.ts";
import { withoutThinking } from "./without-thinking.ts";

const source = {
  messages: [
    { role: "user", content: "Hi", reasoning: "mine" },
    { role: "assistant", content: "Hello", reasoning_content: "Hm.", reasoning: "Hm.", tool_calls: [{ id: "a", type: "function", extra_content: { google: { thought_signature: "s" } }, function: { name: "f", arguments: "{}" } }] },
  ],
};

function droppedBy(kind: "openai" | "azure" | "compatible" | "ollama", baseUrl: string, model = "m"): readonly string[] | null {
  return providerMappings[kind].native["openai-chat"]!.without?.(source, { model, settings: { kind, baseUrl } as never })?.dropped ?? null;
}

it("leaves out what a provider refuses, and nothing where it may be wanted back", () => {
  const [content, reasoning, signature] = ["messages[1].reasoning_content", "messages[1].reasoning", "messages[1].tool_calls[0].extra_content"];
  assert.deepEqual(droppedBy("openai", "https://api.openai.com/v1"), [content, reasoning, signature]);
  assert.deepEqual(droppedBy("azure", "https://x.openai.azure.com", "gpt-5-mini"), [content, reasoning, signature]);
  assert.equal(droppedBy("azure", "https://x.openai.azure.com", "DeepSeek-V4-Pro"), null);
  assert.deepEqual(droppedBy("compatible", "https://api.groq.com/openai/v1"), [content, signature]);
  assert.deepEqual(droppedBy("compatible", "https://api.cerebras.ai/v1"), [content, signature]);
  assert.deepEqual(droppedBy("compatible", "https://generativelanguage.googleapis.com/v1beta/openai"), [content, reasoning]);
  assert.deepEqual(droppedBy("compatible", "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi"), [content, reasoning]);
  for (const other of ["https://api.deepseek.com", "https://dashscope.aliyuncs.com/compatible-mode/v1", "http://127.0.0.1:8000/v1", "https://notapi.groq.com/v1"]) assert.equal(droppedBy("compatible", other), null, other);
  assert.equal(droppedBy("ollama", "http://127.0.0.1:11434"), null);
});

it("says it in a translated chat as in one that passes", () => {
  const request: ChatRequest = {
    messages: [{ role: "user", parts: [{ type: "text", text: "Hi" }] }, { role: "assistant", parts: [{ type: "thinking", text: "Hm.", signature: null }, { type: "text", text: "Hello" }] }],
    tools: [], toolChoice: { type: "auto" }, parallelToolCalls: null, output: { type: "text" }, reasoning: null, stream: false, user: null, extra: {},
    sampling: { maxOutputTokens: null, temperature: null, topP: null, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null },
  };
  const written = (baseUrl: string) => providerMappings.compatible.chat!.request(request, { model: "m", settings: { kind: "compatible", baseUrl } as never });
  const [strict, open] = [written("https://api.cerebras.ai/v1"), written("https://api.deepseek.com")];
  assert.deepEqual([strict.dropped, String(strict.body).includes("reasoning_content")], [["messages[1].thinking"], false]);
  assert.deepEqual([open.dropped, String(open.body).includes('"reasoning_content":"Hm."')], [[], true]);
});

it("leaves messages whole that say nothing of it, and no list without a part", () => {
  assert.equal(withoutThinking({ messages: [source.messages[0], { role: "assistant", content: null, tool_calls: [{ id: "a", type: "custom", custom: { name: "f", input: "" } }] }, null] }), null);
  const [thinking, call] = [{ type: "thinking", thinking: "Hm." }, { id: "a", type: "function", function: { name: "f", arguments: "{}", provider_specific_fields: null } }];
  assert.deepEqual(withoutThinking({ messages: [{ role: "assistant", content: [thinking] }, { role: "assistant", content: [thinking], tool_calls: [call] }] }), {
    fields: { messages: [{ role: "assistant", content: "" }, { role: "assistant", content: null, tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }] }] },
    dropped: ["messages[0].thinking", "messages[1].thinking"],
  });
});
