import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { translate } from "./dialects/translate.ts";
import { exampleSpan } from "./example-spans.fixture.ts";
import type { Span } from "./span.ts";
import { SpanRedaction } from "./span-redaction.ts";
import type { StoredSpan } from "./stored-span.ts";

const secret = "the patient's name";
const messages = JSON.stringify([{ role: "user", content: secret }]);
/** Whatever a dialect may leave of what went in or came out, with a value as it has it. */
const content: Readonly<Record<string, readonly (readonly [key: string, value: string])[]>> = {
  "the conventions": [
    ...["gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.input.message", "gen_ai.prompt", "gen_ai.completion"].map((key) => [key, messages] as const),
    ...["gen_ai.system_instructions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.retrieval.documents", "gen_ai.retrieval.query.text", "gen_ai.prompt.0.content", "gen_ai.completion.0.content", "gen_ai.event.content", "exception.message", "exception.stacktrace"].map((key) => [key, secret] as const),
  ],
  OpenInference: ["input.value", "output.value", "llm.input_messages.0.message.content", "llm.output_messages.0.message.content", "llm.prompts.0.prompt.text", "llm.choices.0.completion.text", "llm.prompt_template.variables", "retrieval.documents.0.document.content", "tool.parameters",
    "embedding.text", "embedding.vector", "embedding.embeddings.0.embedding.text", "reranker.query", "reranker.input_documents.0.document.content", "reranker.output_documents.0.document.content"].map((key) => [key, secret] as const),
  "Vercel's AI SDK": [
    ["ai.prompt.messages", messages], ["ai.prompt", messages], ["ai.response.toolCalls", JSON.stringify([{ toolCallId: "c", toolName: "t", args: { secret } }])],
    ...["ai.prompt.tools", "ai.result.text", "ai.response.text", "ai.response.object", "ai.response.reasoning", "ai.response.files", "ai.toolCall.args", "ai.toolCall.result", "ai.value", "ai.values", "ai.embedding", "ai.embeddings", "ai.documents"].map((key) => [key, secret] as const),
  ],
  Traceloop: ["traceloop.entity.input", "traceloop.entity.output", "gen_ai.task.input", "gen_ai.task.output"].map((key) => [key, secret] as const),
  MLflow: [...["mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.chat.messages"].map((key) => [key, messages] as const), ["mlflow.chunk.value", secret]],
  "Pydantic AI and Logfire": [["pydantic_ai.all_messages", messages], ["all_messages_events", messages], ["events", messages], ...["final_result", "tool_arguments", "tool_response", "request_data", "response_data"].map((key) => [key, secret] as const)],
  "the Agent Development Kit": [
    ["gcp.vertex.agent.llm_request", JSON.stringify({ contents: [{ role: "user", parts: [{ text: secret }] }] })], ["gcp.vertex.agent.llm_response", JSON.stringify({ content: { parts: [{ text: secret }] } })],
    ...["gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response", "gcp.vertex.agent.data"].map((key) => [key, secret] as const),
  ],
  LiteLLM: ["llm.openai.messages", "llm.openai.choices", "llm.anthropic.content", "llm.None.input"].map((key) => [key, secret] as const),
};
const messageEvents = ["gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message", "gen_ai.choice", "gen_ai.content.prompt", "gen_ai.content.completion", "gen_ai.client.inference.operation.details", "new_token"];

const kept = (redaction: SpanRedaction, span: Partial<Span>): StoredSpan => translate(redaction.apply(exampleSpan(1, 1, span)));
const text = (span: object): string => JSON.stringify(span, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));

describe("SpanRedaction", () => {
  for (const [dialect, attributes] of Object.entries(content)) {
    it(`keeps nothing of what went in or came out, wherever it stands: ${dialect}`, () => {
      const redaction = new SpanRedaction({ keys: [], content: false });
      for (const [key, value] of attributes) {
        const own = { [key]: value, "input.mime_type": "text/plain" };
        assert.ok(text(kept(new SpanRedaction({ keys: [], content: true }), { attributes: own })).includes(secret), key);
        const spans: Partial<Span>[] = [{ attributes: own }, { resource: own }, { events: [{ name: "e", time: 1n, attributes: own }] }, { links: [{ traceId: "f".repeat(32), spanId: "e".repeat(16), attributes: own }] }];
        for (const span of spans) assert.ok(!text(kept(redaction, span)).includes(secret), `${key} ${Object.keys(span)[0]}`);
      }
    });
  }

  it("keeps no messages that are events, and no text of a failure, but that there was one", () => {
    const redaction = new SpanRedaction({ keys: [], content: false });
    for (const name of messageEvents) {
      const span: Partial<Span> = { events: [{ name, time: 1n, attributes: { content: secret, message: messages, "gen_ai.prompt": secret, "gen_ai.completion": secret, "gen_ai.input.messages": messages } }, { name: "other", time: 2n, attributes: {} }] };
      assert.deepEqual(kept(redaction, span).events.map((event) => event.name), ["other"]);
      assert.ok(!text(kept(redaction, span)).includes(secret), name);
    }
    assert.deepEqual(kept(redaction, { status: { code: "error", message: secret } }).status, { code: "error", message: "" });
  });

  it("leaves all else as it came: models, tokens, tools, users", () => {
    const attributes = { "llm.model_name": "m", "llm.token_count.prompt": 7, "llm.token_count.prompt_details.cache_read": 1, "tool.name": "t", "user.id": "ann", other: "x" };
    assert.deepEqual(kept(new SpanRedaction({ keys: ["secret"], content: false }), { attributes }), translate(exampleSpan(1, 1, { attributes })));
  });

  it("hides a key in whichever dialect it comes, and its pattern", () => {
    const hides = (keys: readonly string[], attributes: Record<string, string>): boolean => !text(kept(new SpanRedaction({ keys, content: true }), { attributes: { ...attributes, "input.mime_type": "text/plain" } })).includes(secret);
    for (const [key, given, value] of [
      ["user.id", "user.id", secret], ["user.id", "ai.telemetry.metadata.userId", secret], ["user.id", "traceloop.association.properties.user_id", secret], ["user.id", "mlflow.trace.user", JSON.stringify(secret)], ["gen_ai.conversation.id", "session.id", secret],
      ["gen_ai.input.messages", "llm.input_messages.0.message.content", secret], ["gen_ai.*.messages", "ai.prompt.messages", messages], ["*.secret", "app.secret", secret], ["http.*.authorization", "http.request.header.authorization", secret], ["*", "anything", secret],
    ] as const) assert.ok(hides([key], { [given]: value }), `${key} ${given}`);
    for (const [key, given] of [["user.id", "user.ids"], ["*.secret", "secret"], ["http.*.authorization", "http.authorization"], ["a*a", "a"]] as const) assert.ok(!hides([key], { [given]: secret }), `${key} ${given}`);
    const { events } = kept(new SpanRedaction({ keys: ["gen_ai.input.messages"], content: true }), { events: [{ name: "gen_ai.user.message", time: 1n, attributes: { content: secret } }] });
    assert.deepEqual(events, []);
  });

  it("hides the same in what is said of a trace beside its spans", () => {
    const facts = { name: "n", inputPreview: secret, outputPreview: secret, session: "s", user: "ann", tags: { "app.secret": secret, gone: null, plain: "p" }, metadata: { "mlflow.traceInputs": secret, "mlflow.traceOutputs": secret, "mlflow.trace.user": "ann" } };
    assert.deepEqual(new SpanRedaction({ keys: [], content: true }).applyToFacts(facts), facts);
    assert.deepEqual(new SpanRedaction({ keys: ["user.id", "gone", "*.secret"], content: false }).applyToFacts(facts), {
      name: "n", session: "s", user: "[redacted]", tags: { "app.secret": "[redacted]", gone: null, plain: "p" }, metadata: { "mlflow.traceInputs": "[redacted]", "mlflow.traceOutputs": "[redacted]", "mlflow.trace.user": "[redacted]" },
    });
    const { inputPreview: _, ...others } = facts;
    assert.deepEqual(new SpanRedaction({ keys: ["session.id", "input.value"], content: true }).applyToFacts(facts), { ...others, session: "[redacted]" });
  });
});
