import { eventFrame } from "../../src/gateway/providers/bedrock/event-frame.fixture.ts";

/** What a fake provider answers with: words, or a call of the tool. */
export type Said = { text: string } | { call: string };

/** How one kind of provider is asked and answers, in its own protocol. */
export interface ProviderWire {
  model: string;
  /** Behind the address of the provider. */
  base: string;
  path(stream: boolean): string;
  /** The header that shows the key, and its value for the key `k`. */
  key: readonly [string, string];
  whole(said: Said): object;
  stream(said: Said): Buffer;
}

/** The name of every tool that these providers call. */
const name = "weather";
/** With a comment before it and lines that end in CRLF, as some servers write. */
const events = (...written: readonly (object | string | readonly [string, object])[]): Buffer =>
  Buffer.from(`: here it comes\r\n\r\n${written.map((event) => (Array.isArray(event) ? `event: ${String(event[0])}\r\ndata: ${JSON.stringify(event[1])}` : `data: ${typeof event === "string" ? event : JSON.stringify(event)}`)).map((event) => `${event}\r\n\r\n`).join("")}`);
const isCall = (said: Said): said is { call: string } => "call" in said;
/** Two pieces, of which the second begins within the words. */
const halves = (text: string): [string, string] => [text.slice(0, 3), text.slice(3)];

const frame = { id: "c-1", created: 1, model: "m" };
const openAiUsage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const chunk = (delta: object, finish: string | null = null): object => ({ ...frame, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] });
const openAi: Pick<ProviderWire, "whole" | "stream"> = {
  whole: (said) => ({
    ...frame, object: "chat.completion", usage: openAiUsage,
    choices: [{ index: 0, finish_reason: isCall(said) ? "tool_calls" : "stop", message: { role: "assistant", ...(isCall(said) ? { content: null, tool_calls: [{ id: "call00001", type: "function", function: { name, arguments: said.call } }] } : { content: said.text }) } }],
  }),
  stream: (said) => events(
    chunk({ role: "assistant", content: "" }),
    ...(isCall(said)
      ? [chunk({ tool_calls: [{ index: 0, id: "call00001", type: "function", function: { name, arguments: "" } }] }), ...halves(said.call).map((part) => chunk({ tool_calls: [{ index: 0, function: { arguments: part } }] }))]
      : halves(said.text).map((content) => chunk({ content }))),
    chunk({}, isCall(said) ? "tool_calls" : "stop"), { ...frame, object: "chat.completion.chunk", choices: [], usage: openAiUsage }, "[DONE]",
  ),
};
const bearer = ["authorization", "Bearer k"] as const;

const message = { id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-4-5", stop_sequence: null };
const typed = (type: string, fields: object): [string, object] => [type, { type, ...fields }];
const anthropic: Pick<ProviderWire, "whole" | "stream"> = {
  whole: (said) => ({ ...message, content: [isCall(said) ? { type: "tool_use", id: "toolu_1", name, input: JSON.parse(said.call) as object } : { type: "text", text: said.text }], stop_reason: isCall(said) ? "tool_use" : "end_turn", usage: { input_tokens: 11, output_tokens: 7 } }),
  stream: (said) => events(
    typed("message_start", { message: { ...message, content: [], stop_reason: null, usage: { input_tokens: 11, output_tokens: 1 } } }), typed("ping", {}),
    typed("content_block_start", { index: 0, content_block: isCall(said) ? { type: "tool_use", id: "toolu_1", name, input: {} } : { type: "text", text: "" } }),
    ...halves(isCall(said) ? said.call : said.text).map((part) => typed("content_block_delta", { index: 0, delta: isCall(said) ? { type: "input_json_delta", partial_json: part } : { type: "text_delta", text: part } })),
    typed("content_block_stop", { index: 0 }), typed("message_delta", { delta: { stop_reason: isCall(said) ? "tool_use" : "end_turn", stop_sequence: null }, usage: { output_tokens: 7 } }), typed("message_stop", {}),
  ),
};

const candidate = (parts: object[], more: object = {}): object => ({ responseId: "r-1", modelVersion: "gemini-2.5-flash", candidates: [{ index: 0, content: { role: "model", parts }, ...more }] });
const geminiEnd = { usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 } };
const geminiParts = (said: Said): object[] => (isCall(said) ? [{ functionCall: { name, args: JSON.parse(said.call) as object } }] : halves(said.text).map((text) => ({ text })));

const converseUsage = { usage: { inputTokens: 11, outputTokens: 7, totalTokens: 18 } };
const converse = (type: string, payload: object): Buffer => eventFrame({ ":event-type": type, ":content-type": "application/json", ":message-type": "event" }, payload);

const cohereUsage = { usage: { billed_units: { input_tokens: 11, output_tokens: 7 }, tokens: { input_tokens: 11, output_tokens: 7 } } };
const cohereCall = (text: string): object => ({ id: "weather_1", type: "function", function: { name, arguments: text } });
const cohereFinish = (said: Said): { finish_reason: string } => ({ finish_reason: isCall(said) ? "TOOL_CALL" : "COMPLETE" });
const cohereDelta = (type: string, delta: object): object => ({ type, index: 0, delta: { message: delta } });

/** Every kind of provider that is asked over a network. */
export const providerWires: Readonly<Record<"openai" | "azure" | "anthropic" | "gemini" | "bedrock" | "mistral" | "cohere" | "ollama" | "compatible", ProviderWire>> = {
  openai: { model: "gpt-4o", base: "/v1", path: () => "/v1/chat/completions", key: bearer, ...openAi },
  azure: { model: "m", base: "", path: () => "/openai/deployments/m/chat/completions?api-version=2024-10-21", key: ["api-key", "k"], ...openAi },
  anthropic: { model: "claude-sonnet-4-5", base: "", path: () => "/v1/messages", key: ["x-api-key", "k"], ...anthropic },
  gemini: {
    model: "gemini-2.5-flash", base: "", path: (stream) => `/v1beta/models/gemini-2.5-flash:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`, key: ["x-goog-api-key", "k"],
    whole: (said) => ({ ...candidate(geminiParts(said), { finishReason: "STOP" }), ...geminiEnd }),
    stream: (said) => events(...geminiParts(said).map((part) => candidate([part])), { ...candidate([], { finishReason: "STOP" }), ...geminiEnd }),
  },
  bedrock: {
    model: "amazon.nova-pro-v1:0", base: "", path: (stream) => `/model/amazon.nova-pro-v1%3A0/${stream ? "converse-stream" : "converse"}`, key: bearer,
    whole: (said) => ({ output: { message: { role: "assistant", content: [isCall(said) ? { toolUse: { toolUseId: "tooluse_1", name, input: JSON.parse(said.call) as object } } : { text: said.text }] } }, stopReason: isCall(said) ? "tool_use" : "end_turn", ...converseUsage }),
    stream: (said) => Buffer.concat([
      converse("messageStart", { role: "assistant" }), ...(isCall(said) ? [converse("contentBlockStart", { contentBlockIndex: 0, start: { toolUse: { toolUseId: "tooluse_1", name } } })] : []),
      ...halves(isCall(said) ? said.call : said.text).map((part) => converse("contentBlockDelta", { contentBlockIndex: 0, delta: isCall(said) ? { toolUse: { input: part } } : { text: part } })),
      converse("contentBlockStop", { contentBlockIndex: 0 }), converse("messageStop", { stopReason: isCall(said) ? "tool_use" : "end_turn" }), converse("metadata", converseUsage),
    ]),
  },
  mistral: { model: "mistral-large-latest", base: "/v1", path: () => "/v1/chat/completions", key: bearer, ...openAi },
  cohere: {
    model: "command-a-03-2025", base: "", path: () => "/v2/chat", key: bearer,
    whole: (said) => ({ id: "c-1", message: { role: "assistant", ...(isCall(said) ? { tool_calls: [cohereCall(said.call)] } : { content: [{ type: "text", text: said.text }] }) }, ...cohereFinish(said), ...cohereUsage }),
    stream: (said) => events(
      { type: "message-start", id: "c-1", delta: { message: { role: "assistant", content: [] } } },
      ...(isCall(said)
        ? [cohereDelta("tool-call-start", { tool_calls: cohereCall("") }), ...halves(said.call).map((part) => cohereDelta("tool-call-delta", { tool_calls: { function: { arguments: part } } })), { type: "tool-call-end", index: 0 }]
        : [cohereDelta("content-start", { content: { type: "text", text: "" } }), ...halves(said.text).map((text) => cohereDelta("content-delta", { content: { text } })), { type: "content-end", index: 0 }]),
      { type: "message-end", delta: { ...cohereFinish(said), ...cohereUsage } },
    ),
  },
  ollama: { model: "llama3.2", base: "", path: () => "/v1/chat/completions", key: bearer, ...openAi },
  compatible: { model: "m", base: "/v1", path: () => "/v1/chat/completions", key: bearer, ...openAi },
};
