import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface UpstreamCall {
  path: string;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  body: Record<string, unknown>;
  /** The other side closed before the answer was whole. */
  abandoned: Promise<void>;
}

export type UpstreamAnswer = (call: UpstreamCall, response: ServerResponse) => void;

/** A provider of a test's own, on a free port of this machine: it remembers what it was asked and answers as it is told. */
export class GatewayUpstream {
  readonly calls: UpstreamCall[] = [];
  answer: UpstreamAnswer;
  readonly #server: Server;

  constructor(answer: UpstreamAnswer) {
    this.answer = answer;
    this.#server = createServer({ keepAliveTimeout: 0 }, (incoming, response) => {
      const parts: Buffer[] = [];
      incoming.on("error", () => undefined).on("data", (part: Buffer) => parts.push(part));
      const abandoned = new Promise<void>((resolve) => response.once("close", () => void (response.writableFinished || resolve())));
      incoming.on("end", () => {
        const bytes = Buffer.concat(parts);
        const body = bytes.length === 0 ? {} : (JSON.parse(bytes.toString()) as Record<string, unknown>);
        const call = { path: incoming.url!, headers: incoming.headers, bytes, body, abandoned };
        this.calls.push(call);
        this.answer(call, response);
      });
    });
    this.#server.on("connection", (socket) => socket.on("error", () => undefined));
  }

  /** Its address, without a path. */
  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

export function answerJson(response: ServerResponse, document: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(document));
}

/** Server-sent events, at once. */
export function answerEvents(response: ServerResponse, events: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" }).end(events.join(""));
}

interface Said {
  text: string;
  call: { name: string; arguments: string } | null;
}

interface Asked {
  /** Of the last message, and who sent it. */
  text: string;
  fromTool: boolean;
  tools: readonly string[];
  schema: boolean;
}

const person = '{"name":"Ann","age":41}';

/** What both protocols of the fake provider answer: a call of the first tool, a sentence about its result, a document of the asked schema, or what was said. */
function sayOf({ text, fromTool, tools, schema }: Asked): Said {
  if (fromTool) return { text: `The tool says ${text}.`, call: null };
  const [tool] = tools;
  // SDKs that ask for a document by a tool call it json, or json_tool_call.
  if (tool !== undefined) return { text: "", call: { name: tool, arguments: tool.startsWith("json") ? person : '{"city":"Paris"}' } };
  return { text: schema ? person : `You said: ${text}`, call: null };
}

/** `fail 429` is answered with that status. */
function failureIn(text: string): number | null {
  const [, status] = /\bfail (\d{3})\b/.exec(text) ?? [];
  return status === undefined ? null : Number(status);
}

interface OpenAiBody {
  model: string;
  stream?: boolean;
  messages: { role: string; content?: string | { text?: string }[] | null }[];
  tools?: { function: { name: string } }[];
  response_format?: { type: string };
  input?: string | string[];
  encoding_format?: string;
}

const words = (text: string): string[] => text.match(/\s*\S+/g) ?? [];
const plain = (content: string | { text?: string; content?: unknown }[] | null | undefined): string => (typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? plain(part.content as string)).join(""));

/** Speaks OpenAI's chats, embeddings and list of models. */
export const speakOpenAi: UpstreamAnswer = ({ path, body }, response) => {
  const { model, stream = false, messages = [], tools = [], response_format: format, input = [], encoding_format: encoding } = body as unknown as OpenAiBody;
  if (path.endsWith("/models")) return answerJson(response, { object: "list", data: [{ id: "m", object: "model", created: 1, owned_by: "o" }] });
  if (path.endsWith("/embeddings")) {
    const data = [input].flat().map((text, index) => {
      const vector = [text.length, 0.5, -1];
      return { object: "embedding", index, embedding: encoding === "base64" ? Buffer.from(Float32Array.from(vector).buffer).toString("base64") : vector };
    });
    return answerJson(response, { object: "list", model, data, usage: { prompt_tokens: 4, total_tokens: 4 } });
  }
  const last = messages.at(-1);
  const text = plain(last?.content);
  const failure = failureIn(text);
  if (failure !== null) return answerJson(response, { error: { message: `Failed with ${failure}.`, type: "test_error", param: null, code: "test" } }, failure);
  const said = sayOf({ text, fromTool: last?.role === "tool", tools: tools.map((tool) => tool.function.name), schema: format?.type === "json_schema" });
  const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
  const frame = { id: "chatcmpl-fake", created: 1_700_000_000, model };
  const finish = said.call === null ? "stop" : "tool_calls";
  if (!stream) {
    const calls = said.call === null ? {} : { tool_calls: [{ id: "call_1", type: "function", function: said.call }] };
    const message = { role: "assistant", content: said.call === null ? said.text : null, refusal: null, ...calls };
    return answerJson(response, { ...frame, object: "chat.completion", choices: [{ index: 0, message, logprobs: null, finish_reason: finish }], usage });
  }
  const chunk = (delta: unknown, reason: string | null = null): string => `data: ${JSON.stringify({ ...frame, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
  const deltas = said.call === null
    ? words(said.text).map((content) => chunk({ content }))
    : [chunk({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: said.call.name, arguments: "" } }] }), ...words(said.call.arguments).map((part) => chunk({ tool_calls: [{ index: 0, function: { arguments: part } }] }))];
  answerEvents(response, [
    chunk({ role: "assistant", content: "" }), ...deltas, chunk({}, finish),
    `data: ${JSON.stringify({ ...frame, object: "chat.completion.chunk", choices: [], usage })}\n\n`, "data: [DONE]\n\n",
  ]);
};

interface AnthropicBody {
  model: string;
  stream?: boolean;
  messages: { role: string; content: string | { type: string; text?: string; content?: unknown }[] }[];
  tools?: { name: string }[];
  tool_choice?: { type: string; name?: string };
  output_config?: { format?: unknown };
  /** Its name while it was a beta, by which LiteLLM asks. */
  output_format?: unknown;
}

/** Speaks Anthropic's messages. */
export const speakAnthropic: UpstreamAnswer = ({ body }, response) => {
  const { model, stream = false, messages, tools = [], output_config: output, output_format: format = output?.format } = body as unknown as AnthropicBody;
  const content = messages.at(-1)!.content;
  const result = typeof content === "string" ? undefined : content.find(({ type }) => type === "tool_result");
  const text = result === undefined ? plain(content) : plain(result.content as string);
  const failure = failureIn(text);
  if (failure !== null) return answerJson(response, { type: "error", error: { type: "api_error", message: `Failed with ${failure}.` }, request_id: "req_fake" }, failure);
  const said = sayOf({ text, fromTool: result !== undefined, tools: tools.map(({ name }) => name), schema: format !== undefined });
  const reason = said.call === null ? "end_turn" : "tool_use";
  const usage = { input_tokens: 11, output_tokens: 7, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const message = { id: "msg_fake", type: "message", role: "assistant", model, stop_sequence: null };
  if (!stream) {
    const block = said.call === null ? { type: "text", text: said.text } : { type: "tool_use", id: "toolu_1", name: said.call.name, input: JSON.parse(said.call.arguments) as unknown };
    return answerJson(response, { ...message, content: [block], stop_reason: reason, usage });
  }
  const event = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
  const block = said.call === null ? { type: "text", text: "" } : { type: "tool_use", id: "toolu_1", name: said.call.name, input: {} };
  const deltas = said.call === null
    ? words(said.text).map((part) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text: part } }))
    : [event("content_block_delta", { index: 0, delta: { type: "input_json_delta", partial_json: said.call.arguments } })];
  answerEvents(response, [
    event("message_start", { message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } }), event("content_block_start", { index: 0, content_block: block }),
    ...deltas, event("content_block_stop", { index: 0 }), event("message_delta", { delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 7 } }), event("message_stop", {}),
  ]);
};
