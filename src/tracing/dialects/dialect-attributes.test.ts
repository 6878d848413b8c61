import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exampleSpan } from "../example-spans.fixture.ts";
import type { Attributes, AttributeValue } from "../span.ts";
import { translate } from "./translate.ts";

/** What a program sends, and the one attribute of the conventions that it becomes. */
type Case = readonly [given: string, value: AttributeValue, becomes: string, as: AttributeValue];
/** Of OpenInference: by it alone some of its attributes are known to be its own. */
const beside: Attributes = { "input.mime_type": "text/plain" };

const text = (role: string, content: string): string => JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
const provider = (attribute: string, names: Readonly<Record<string, string>>): Case[] => Object.entries(names).map(([name, known]) => [attribute, name, "gen_ai.provider.name", known]);
const operation = (attribute: string, names: Readonly<Record<string, string>>): Case[] => Object.entries(names).map(([name, known]) => [attribute, name, "gen_ai.operation.name", known]);

const knownProviders = {
  openai: "openai", OpenAI: "openai", anthropic: "anthropic", cohere: "cohere", mistral_ai: "mistral_ai", mistralai: "mistral_ai", MistralAI: "mistral_ai", mistral: "mistral_ai", groq: "groq", deepseek: "deepseek", xai: "x_ai", perplexity: "perplexity",
  azure: "azure.ai.openai", azure_openai: "azure.ai.openai", "az.ai.openai": "azure.ai.openai", "az.ai.inference": "azure.ai.inference", aws: "aws.bedrock", AWS: "aws.bedrock", bedrock: "aws.bedrock", google: "gcp.gemini", gemini: "gcp.gemini", google_ai: "gcp.gemini",
  vertexai: "gcp.vertex_ai", vertex_ai: "gcp.vertex_ai", watsonx: "ibm.watsonx.ai", "of-my-own": "of-my-own",
};

const dialects: Readonly<Record<string, readonly Case[]>> = {
  "the conventions before their present names": [
    ...provider("gen_ai.system", knownProviders),
    ["gen_ai.usage.prompt_tokens", 7, "gen_ai.usage.input_tokens", 7], ["gen_ai.usage.completion_tokens", "8", "gen_ai.usage.output_tokens", 8],
    ["gen_ai.usage.cache_read_input_tokens", 3, "gen_ai.usage.cache_read.input_tokens", 3], ["gen_ai.usage.cache_creation_input_tokens", 4, "gen_ai.usage.cache_creation.input_tokens", 4],
    ["gen_ai.openai.request.seed", 5, "gen_ai.request.seed", 5], ["gen_ai.openai.request.response_format", "json_object", "gen_ai.output.type", "json_object"],
    ["gen_ai.prompt", "Q", "gen_ai.input.messages", text("user", "Q")], ["gen_ai.prompt", '[{"role":"system","content":"S"}]', "gen_ai.input.messages", text("system", "S")],
    ["gen_ai.completion", "A", "gen_ai.output.messages", text("assistant", "A")], ["gen_ai.completion", '[{"role":"assistant","content":"A"}]', "gen_ai.output.messages", text("assistant", "A")],
    ["gen_ai.input.message", '[{"role":"user","content":"Q"}]', "gen_ai.input.messages", text("user", "Q")],
  ],
  Traceloop: [
    ...operation("llm.request.type", { chat: "chat", completion: "text_completion", embedding: "embeddings" }), ...operation("traceloop.span.kind", { workflow: "invoke_workflow", agent: "invoke_agent", tool: "execute_tool" }),
    ["traceloop.workflow.name", "w", "gen_ai.workflow.name", "w"], ["traceloop.entity.input", "{\"a\":1}", "input.value", "{\"a\":1}"], ["traceloop.entity.output", "{\"b\":1}", "output.value", "{\"b\":1}"],
    ["traceloop.association.properties.session_id", "s", "gen_ai.conversation.id", "s"], ["traceloop.association.properties.thread_id", "t", "gen_ai.conversation.id", "t"], ["traceloop.association.properties.user_id", "u", "user.id", "u"],
    ["llm.top_k", "40", "gen_ai.request.top_k", 40], ["llm.frequency_penalty", 0.5, "gen_ai.request.frequency_penalty", 0.5], ["llm.presence_penalty", 0.25, "gen_ai.request.presence_penalty", 0.25],
    ["llm.response.finish_reason", "stop", "gen_ai.response.finish_reasons", ["stop"]], ["llm.usage.prompt_tokens", 7, "gen_ai.usage.input_tokens", 7], ["llm.usage.completion_tokens", 8, "gen_ai.usage.output_tokens", 8],
    ["gen_ai.prompt.0.content", "Q", "gen_ai.input.messages", text("user", "Q")], ["gen_ai.completion.0.content", "A", "gen_ai.output.messages", text("user", "A")],
  ],
  OpenInference: [
    ...operation("openinference.span.kind", { LLM: "chat", EMBEDDING: "embeddings", TOOL: "execute_tool", AGENT: "invoke_agent", RETRIEVER: "retrieval", CHAIN: "invoke_workflow" }), ...provider("llm.provider", knownProviders), ...provider("llm.system", knownProviders),
    ["llm.token_count.prompt", 7, "gen_ai.usage.input_tokens", 7], ["llm.token_count.completion", 8, "gen_ai.usage.output_tokens", 8], ["llm.token_count.prompt_details.cache_read", 3, "gen_ai.usage.cache_read.input_tokens", 3],
    ["llm.token_count.prompt_details.cache_write", 4, "gen_ai.usage.cache_creation.input_tokens", 4], ["llm.token_count.completion_details.reasoning", 2, "gen_ai.usage.reasoning.output_tokens", 2], ["llm.cost.total", 0.5, "gen_ai.usage.cost", 0.5],
    ["llm.model_name", "m", "gen_ai.request.model", "m"], ["embedding.model_name", "e", "gen_ai.request.model", "e"], ["reranker.model_name", "r", "gen_ai.request.model", "r"], ["tool.name", "t", "gen_ai.tool.name", "t"],
    ["tool.description", "d", "gen_ai.tool.description", "d"], ["tool.id", "c1", "gen_ai.tool.call.id", "c1"], ["tool.parameters", "{}", "gen_ai.tool.call.arguments", "{}"], ["agent.name", "a", "gen_ai.agent.name", "a"], ["session.id", "s", "gen_ai.conversation.id", "s"],
    ["llm.finish_reason", "length", "gen_ai.response.finish_reasons", ["length"]],
    ...Object.entries({ temperature: 0.5, top_p: 0.9, max_tokens: 9, frequency_penalty: 0.1, presence_penalty: 0.2, seed: 7 }).map(([name, value]): Case => ["llm.invocation_parameters", JSON.stringify({ [name]: value }), `gen_ai.request.${name}`, value]),
  ],
  "Vercel's AI SDK": [
    ...operation("ai.operationId", {
      "ai.generateText": "invoke_agent", "ai.streamText": "invoke_agent", "ai.generateObject": "invoke_agent", "ai.streamObject": "invoke_agent", "ai.embed": "invoke_agent", "ai.embedMany": "invoke_agent", "ai.generateText.doGenerate": "chat",
      "ai.streamText.doStream": "chat", "ai.generateObject.doGenerate": "chat", "ai.streamObject.doStream": "chat", "ai.embed.doEmbed": "embeddings", "ai.embedMany.doEmbed": "embeddings", "ai.toolCall": "execute_tool",
    }),
    ...provider("ai.model.provider", {
      "openai.chat": "openai", "openai.responses": "openai", "openai.completion": "openai", "openai.embedding": "openai", "anthropic.messages": "anthropic", "google.generative-ai": "gcp.gemini", "google.vertex.chat": "gcp.vertex_ai", "vertex.anthropic.messages": "gcp.vertex_ai", "azure.responses": "azure.ai.openai",
      "azure-openai.chat": "azure.ai.openai", "amazon-bedrock": "aws.bedrock", "mistral.chat": "mistral_ai", "mistral.embedding": "mistral_ai", "cohere.textEmbedding": "cohere", "groq.chat": "groq", "deepseek.chat": "deepseek", "xai.chat": "x_ai", perplexity: "perplexity", "ollama.chat": "ollama",
      "my.gateway": "my.gateway",
    }),
    ["ai.usage.promptTokens", 7, "gen_ai.usage.input_tokens", 7], ["ai.usage.inputTokens", 7, "gen_ai.usage.input_tokens", 7], ["ai.usage.tokens", 7, "gen_ai.usage.input_tokens", 7], ["ai.usage.completionTokens", 8, "gen_ai.usage.output_tokens", 8],
    ["ai.usage.outputTokens", 8, "gen_ai.usage.output_tokens", 8], ["ai.usage.cachedInputTokens", 3, "gen_ai.usage.cache_read.input_tokens", 3], ["ai.usage.inputTokenDetails.cacheReadTokens", 3, "gen_ai.usage.cache_read.input_tokens", 3],
    ["ai.usage.inputTokenDetails.cacheWriteTokens", 4, "gen_ai.usage.cache_creation.input_tokens", 4], ["ai.usage.reasoningTokens", 2, "gen_ai.usage.reasoning.output_tokens", 2], ["ai.usage.outputTokenDetails.reasoningTokens", 2, "gen_ai.usage.reasoning.output_tokens", 2],
    ["ai.response.finishReason", "stop", "gen_ai.response.finish_reasons", ["stop"]], ["ai.response.model", "m-1", "gen_ai.response.model", "m-1"], ["ai.response.id", "r", "gen_ai.response.id", "r"],
    ["ai.prompt.messages", '[{"role":"user","content":"Q"}]', "gen_ai.input.messages", text("user", "Q")], ["ai.prompt", '{"prompt":"Q"}', "gen_ai.input.messages", text("user", "Q")],
    ["ai.response.toolCalls", '[{"toolCallId":"c","toolName":"t","args":{"q":1}}]', "gen_ai.output.messages", '[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"t","arguments":{"q":1}}]}]'],
    ["ai.response.text", "A", "gen_ai.output.messages", text("assistant", "A")], ["ai.response.object", "{\"a\":1}", "gen_ai.output.messages", text("assistant", "{\"a\":1}")], ["ai.value", "\"v\"", "input.value", "\"v\""],
    ["ai.model.id", "m", "gen_ai.request.model", "m"], ["ai.settings.temperature", 0.5, "gen_ai.request.temperature", 0.5], ["ai.settings.maxTokens", 9, "gen_ai.request.max_tokens", 9], ["ai.settings.maxOutputTokens", 9, "gen_ai.request.max_tokens", 9],
    ["ai.settings.topP", 0.9, "gen_ai.request.top_p", 0.9], ["ai.settings.topK", 40, "gen_ai.request.top_k", 40], ["ai.toolCall.name", "t", "gen_ai.tool.name", "t"], ["ai.toolCall.id", "c", "gen_ai.tool.call.id", "c"], ["ai.toolCall.args", "{}", "gen_ai.tool.call.arguments", "{}"],
    ["ai.toolCall.result", "2", "gen_ai.tool.call.result", "2"], ["ai.telemetry.functionId", "f", "gen_ai.agent.name", "f"], ["ai.telemetry.metadata.sessionId", "s", "gen_ai.conversation.id", "s"], ["ai.telemetry.metadata.userId", "u", "user.id", "u"],
  ],
  MLflow: [
    ...operation("mlflow.spanType", { "\"CHAT_MODEL\"": "chat", CHAT_MODEL: "chat", LLM: "chat", EMBEDDING: "embeddings", TOOL: "execute_tool", AGENT: "invoke_agent", RETRIEVER: "retrieval", CHAIN: "invoke_workflow", WORKFLOW: "invoke_workflow" }),
    ...provider("mlflow.llm.provider", { ...knownProviders, "\"openai\"": "openai" }),
    ["mlflow.spanInputs", '{"messages":[{"role":"user","content":"Q"}]}', "gen_ai.input.messages", text("user", "Q")], ["mlflow.spanInputs", "{\"a\":1}", "input.value", "{\"a\":1}"],
    ["mlflow.spanOutputs", '{"choices":[{"message":{"role":"assistant","content":"A"}}]}', "gen_ai.output.messages", text("assistant", "A")], ["mlflow.spanOutputs", "2", "output.value", "2"],
    ...Object.entries({ input_tokens: "input_tokens", output_tokens: "output_tokens", cache_read_input_tokens: "cache_read.input_tokens", cache_creation_input_tokens: "cache_creation.input_tokens" })
      .map(([name, known]): Case => ["mlflow.chat.tokenUsage", JSON.stringify({ [name]: 7 }), `gen_ai.usage.${known}`, 7]),
    ["mlflow.llm.cost", "{\"total_cost\":0.5}", "gen_ai.usage.cost", 0.5], ["mlflow.llm.model", "\"m\"", "gen_ai.request.model", "m"], ["mlflow.trace.session", "\"s\"", "gen_ai.conversation.id", "s"], ["mlflow.trace.user", "\"u\"", "user.id", "u"],
  ],
};

describe("each attribute of a dialect", () => {
  for (const [dialect, cases] of Object.entries(dialects)) {
    it(`is its one of the conventions, and stays readable as it came: ${dialect}`, () => {
      for (const [given, value, becomes, as] of cases) {
        const { attributes, original, translated } = translate(exampleSpan(1, 1, { attributes: { ...beside, [given]: value } }));
        assert.deepEqual([attributes, original, translated], [{ ...beside, [becomes]: as }, { [given]: value }, [becomes]], `${given}=${String(value)}`);
      }
    });
  }

  it("counts less than what the span says in the conventions itself", () => {
    for (const [given, value, becomes] of Object.values(dialects).flat()) {
      const { attributes } = translate(exampleSpan(1, 1, { attributes: { ...beside, [given]: value, [becomes]: "said" } }));
      assert.equal(attributes[becomes], "said", given);
    }
  });
});
