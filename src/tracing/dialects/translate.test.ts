import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exampleSpan } from "../example-spans.fixture.ts";
import type { Attributes, SpanEvent } from "../span.ts";
import type { StoredSpan } from "../stored-span.ts";
import { translate } from "./translate.ts";

const translated = (attributes: Attributes, events: readonly SpanEvent[] = []): StoredSpan => translate(exampleSpan(1, 1, { attributes, events }));
const text = (role: string, content: string): object => ({ role, parts: [{ type: "text", content }] });
const messages = (span: StoredSpan, which: "input" | "output"): unknown => JSON.parse(String(span.attributes[`gen_ai.${which}.messages`]));

describe("dialects", () => {
  it("leaves a span in the present conventions as it is", () => {
    const attributes = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 3, other: "x" };
    assert.deepEqual([translated(attributes).attributes, translated(attributes).original, translated({ plain: 1 }).translated], [attributes, {}, []]);
  });

  it("reads calls of tools by the Model Context Protocol, whether they say that they are calls of tools or not", () => {
    const said = { "mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather", "mcp.session.id": "s" };
    assert.deepEqual([translated(said).attributes, translated(said).original], [said, {}]);
    const { "gen_ai.operation.name": _operation, ...unsaid } = said;
    assert.deepEqual([translated(unsaid).attributes, translated(unsaid).translated, translated(unsaid).original], [said, ["gen_ai.operation.name"], {}]);
    const earlier = translated({ "mcp.method.name": "prompts/get", "mcp.prompt.name": "p", "mcp.tool.name": "t" });
    assert.deepEqual([earlier.attributes, earlier.original], [{ "mcp.method.name": "prompts/get", "gen_ai.prompt.name": "p", "gen_ai.tool.name": "t" }, { "mcp.prompt.name": "p", "mcp.tool.name": "t" }]);
  });

  it("reads the names that the conventions had before, and the new name counts where both are there", () => {
    const span = translated({ "gen_ai.system": "az.ai.openai", "gen_ai.usage.prompt_tokens": "7", "gen_ai.usage.completion_tokens": 2, "gen_ai.usage.output_tokens": 3 });
    assert.deepEqual(span.attributes, { "gen_ai.provider.name": "azure.ai.openai", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3 });
    assert.deepEqual(span.original, { "gen_ai.system": "az.ai.openai", "gen_ai.usage.prompt_tokens": "7", "gen_ai.usage.completion_tokens": 2 });
    assert.equal(translated({ "gen_ai.system": "somebody" }).attributes["gen_ai.provider.name"], "somebody");
  });

  it("reads messages that were events", () => {
    const span = translated({}, [
      { name: "gen_ai.system.message", time: 1n, attributes: { content: "Be short." } }, { name: "gen_ai.user.message", time: 2n, attributes: { content: "Hi" } },
      { name: "gen_ai.choice", time: 3n, attributes: { index: 0, finish_reason: "stop", message: "{\"role\":\"assistant\",\"content\":\"Hello\"}" } },
    ]);
    assert.deepEqual(messages(span, "input"), [text("system", "Be short."), text("user", "Hi")]);
    assert.deepEqual(messages(span, "output"), [{ ...text("assistant", "Hello"), finish_reason: "stop" }]);
  });

  it("reads OpenInference", () => {
    const span = translated({
      "openinference.span.kind": "LLM", "llm.model_name": "gpt-x", "llm.provider": "openai", "llm.token_count.prompt": 11, "llm.token_count.completion": 5, "llm.token_count.prompt_details.cache_read": 4, "llm.invocation_parameters": "{\"temperature\":0.5,\"max_tokens\":9}",
      "llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": "S", "llm.input_messages.10.message.role": "user", "llm.input_messages.10.message.contents.0.message_content.type": "text",
      "llm.input_messages.10.message.contents.0.message_content.text": "Q", "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
      "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{\"q\":1}", "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1", "input.value": "raw", "session.id": "s",
    });
    const { "gen_ai.input.messages": _input, "gen_ai.output.messages": _output, ...rest } = span.attributes;
    assert.deepEqual(rest, {
      "input.value": "raw", "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-x", "gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 11, "gen_ai.usage.output_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 4,
      "gen_ai.conversation.id": "s", "gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 9,
    });
    assert.deepEqual(messages(span, "input"), [text("system", "S"), text("user", "Q")]);
    assert.deepEqual(messages(span, "output"), [{ role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "look", arguments: { q: 1 } }] }]);
  });

  it("reads Vercel's AI SDK, its outer span as what sums up", () => {
    const inner = translated({
      "ai.operationId": "ai.streamText.doStream", "ai.model.id": "m", "ai.model.provider": "openai.chat", "ai.usage.inputTokens": 4, "ai.usage.outputTokens": 6, "ai.prompt.messages": "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}]", "ai.response.text": "Yes",
      "ai.response.toolCalls": "[{\"toolCallType\":\"function\",\"toolCallId\":\"c\",\"toolName\":\"t\",\"input\":\"{}\"}]", "ai.response.finishReason": "tool-calls",
    });
    assert.deepEqual([inner.attributes["gen_ai.operation.name"], inner.attributes["gen_ai.provider.name"], inner.attributes["gen_ai.usage.output_tokens"], inner.attributes["gen_ai.response.finish_reasons"]], ["chat", "openai", 6, ["tool-calls"]]);
    assert.deepEqual(messages(inner, "input"), [text("user", "Hi")]);
    assert.deepEqual(messages(inner, "output"), [{ role: "assistant", parts: [{ type: "text", content: "Yes" }, { type: "tool_call", id: "c", name: "t", arguments: {} }] }]);
    assert.equal(translated({ "ai.operationId": "ai.streamText" }).attributes["gen_ai.operation.name"], "invoke_agent");
    const parts = translated({ "ai.operationId": "ai.generateText.doGenerate", "ai.usage.inputTokenDetails.cacheReadTokens": 3, "ai.usage.inputTokenDetails.cacheWriteTokens": 2, "ai.usage.outputTokenDetails.reasoningTokens": 1 });
    assert.deepEqual(["cache_read.input_tokens", "cache_creation.input_tokens", "reasoning.output_tokens"].map((name) => parts.attributes[`gen_ai.usage.${name}`]), [3, 2, 1]);
  });

  it("reads Traceloop", () => {
    const span = translated({
      "llm.request.type": "chat", "gen_ai.system": "Anthropic", "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Q", "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "A", "gen_ai.completion.0.finish_reason": "stop",
      "traceloop.association.properties.session_id": "s", "llm.usage.total_tokens": 5,
    });
    assert.deepEqual([span.attributes["gen_ai.operation.name"], span.attributes["gen_ai.provider.name"], span.attributes["gen_ai.conversation.id"], span.attributes["llm.usage.total_tokens"]], ["chat", "anthropic", "s", 5]);
    assert.deepEqual([messages(span, "input"), messages(span, "output")], [[text("user", "Q")], [{ ...text("assistant", "A"), finish_reason: "stop" }]]);
  });

  it("reads MLflow, whose values are JSON", () => {
    const span = translated({
      "mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanInputs": "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}]}", "mlflow.spanOutputs": "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"A\"}}]}",
      "mlflow.chat.tokenUsage": "{\"input_tokens\":3,\"output_tokens\":4}", "mlflow.llm.cost": "{\"total_cost\":0.5}", "mlflow.llm.model": "\"m\"",
    });
    assert.deepEqual([messages(span, "input"), messages(span, "output")], [[text("user", "Q")], [text("assistant", "A")]]);
    assert.deepEqual([span.attributes["gen_ai.usage.input_tokens"], span.attributes["gen_ai.usage.cost"], span.attributes["gen_ai.request.model"], span.attributes["gen_ai.operation.name"], span.attributes["input.value"]], [3, 0.5, "m", "chat", undefined]);
    const tool = translated({ "mlflow.spanType": "TOOL", "mlflow.spanInputs": "{\"a\":1}", "mlflow.spanOutputs": "2" });
    assert.deepEqual(tool.attributes, { "gen_ai.operation.name": "execute_tool", "input.value": "{\"a\":1}", "output.value": "2" });
  });

  it("reads messages of Anthropic, LangChain and OpenAI's responses", () => {
    const cases: [unknown, unknown][] = [
      [{ system: "S", messages: [{ role: "user", content: [{ type: "text", text: "Q" }, { type: "tool_result", tool_use_id: "t", content: "r" }] }] }, [text("system", "S"), { role: "user", parts: [{ type: "text", content: "Q" }, { type: "tool_call_response", id: "t", response: "r" }] }]],
      [[[{ lc: 1, type: "constructor", id: ["langchain", "schema", "HumanMessage"], kwargs: { content: "Q", type: "human" } }]], [text("user", "Q")]],
      [{ input: [{ role: "user", content: "Q" }, { type: "function_call", call_id: "c", name: "f", arguments: "{}" }, { type: "function_call_output", call_id: "c", output: "o" }] },
        [text("user", "Q"), { role: "assistant", parts: [{ type: "tool_call", id: "c", name: "f", arguments: {} }] }, { role: "tool", parts: [{ type: "tool_call_response", id: "c", response: "o" }] }]],
    ];
    for (const [input, wanted] of cases) assert.deepEqual(messages(translated({ "mlflow.spanInputs": JSON.stringify(input) }), "input"), wanted);
  });

  it("reads Pydantic AI: an agent's conversation, which ends with its answer, its result and its tools", () => {
    const conversation = [text("system", "S"), text("user", "Q"), { role: "assistant", parts: [{ type: "tool_call", id: "c", name: "look", arguments: {} }] }, { role: "user", parts: [{ type: "tool_call_response", id: "c", name: "look", result: "r" }] }, text("assistant", "A")];
    const span = translated({ "gen_ai.operation.name": "invoke_agent", "pydantic_ai.all_messages": JSON.stringify(conversation), final_result: "A" });
    assert.deepEqual([messages(span, "input"), messages(span, "output"), span.attributes["output.value"]], [conversation.slice(0, 4), conversation.slice(4), "A"]);
    const unanswered = translated({ "pydantic_ai.all_messages": JSON.stringify(conversation.slice(0, 2)) });
    assert.deepEqual([messages(unanswered, "input"), unanswered.attributes["gen_ai.output.messages"]], [conversation.slice(0, 2), undefined]);
    assert.deepEqual(translated({ tool_arguments: "{}", tool_response: "r" }).attributes, { "gen_ai.tool.call.arguments": "{}", "gen_ai.tool.call.result": "r" });
  });

  it("reads Google's Agent Development Kit, whose calls name no operation", () => {
    const call = translated({
      "gen_ai.system": "gcp.vertex.agent", "gcp.vertex.agent.session_id": "s", "gcp.vertex.agent.llm_request": JSON.stringify({ model: "m", config: { system_instruction: "S" }, contents: [
        { role: "user", parts: [{ text: "Q" }] }, { role: "model", parts: [{ text: "hm", thought: true }, { function_call: { id: "c", name: "look", args: { a: 1 } } }] }, { role: "user", parts: [{ function_response: { id: "c", name: "look", response: { result: 2 } } }] },
      ] }),
      "gcp.vertex.agent.llm_response": JSON.stringify({ content: { role: "model", parts: [{ text: "A" }] } }),
    });
    assert.deepEqual([call.attributes["gen_ai.operation.name"], call.attributes["gen_ai.conversation.id"]], ["chat", "s"]);
    assert.deepEqual(messages(call, "input"), [
      text("system", "S"), text("user", "Q"), { role: "assistant", parts: [{ type: "reasoning", content: "hm" }, { type: "tool_call", id: "c", name: "look", arguments: { a: 1 } }] }, { role: "user", parts: [{ type: "tool_call_response", id: "c", response: { result: 2 } }] },
    ]);
    assert.deepEqual(messages(call, "output"), [text("assistant", "A")]);
    const tool = translated({ "gen_ai.operation.name": "execute_tool", "gcp.vertex.agent.tool_call_args": "{}", "gcp.vertex.agent.tool_response": "r", "gcp.vertex.agent.llm_request": "{}" });
    assert.deepEqual(tool.attributes, { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": "{}", "gen_ai.tool.call.result": "r" });
  });

  it("reads events of Strands, whose messages are Bedrock's", () => {
    const event = (name: string, attributes: Attributes): SpanEvent => ({ name, time: 1n, attributes });
    const span = translate(exampleSpan(1, 1, { events: [
      event("gen_ai.user.message", { content: JSON.stringify([{ text: "Q" }]) }), event("gen_ai.assistant.message", { content: JSON.stringify([{ reasoningContent: { reasoningText: { text: "hm" } } }, { toolUse: { toolUseId: "c", name: "look", input: { a: 1 } } }]) }),
      event("gen_ai.tool.message", { content: JSON.stringify([{ toolResult: { toolUseId: "c", content: [{ text: "r" }] } }]) }), event("gen_ai.tool.message", { id: "d", content: "{\"a\":1}" }), event("gen_ai.choice", { message: "A", finish_reason: "end_turn" }),
    ] }));
    assert.deepEqual(messages(span, "input"), [
      text("user", "Q"), { role: "assistant", parts: [{ type: "reasoning", content: "hm" }, { type: "tool_call", id: "c", name: "look", arguments: { a: 1 } }] },
      { role: "tool", parts: [{ type: "tool_call_response", id: "c", response: [{ text: "r" }] }] }, { role: "tool", parts: [{ type: "tool_call_response", id: "d", response: { a: 1 } }] },
    ]);
    assert.deepEqual(messages(span, "output"), [{ ...text("assistant", "A"), finish_reason: "end_turn" }]);
  });

  it("keeps what it cannot read where it was", () => {
    const attributes = { "ai.prompt.messages": "not json", "llm.token_count.prompt": "many", "openinference.span.kind": "GUARDRAIL", "llm.input_messages.x.message.role": "user" };
    assert.deepEqual([translated(attributes).attributes, translated(attributes).original], [attributes, {}]);
  });
});
