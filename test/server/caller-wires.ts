import assert from "node:assert/strict";

/** What an answer says, whichever protocol it is in. */
export interface Heard {
  text: string;
  calls: { id: string; name: string; arguments: string }[];
  isToolUse: boolean;
  usage: { input: number; output: number };
}

interface Asked {
  model: string;
  stream: boolean;
  tools: boolean;
  /** A call of before, whose result is told. */
  call?: { id: string; arguments: string };
}

/** How callers of one protocol ask, and read what they get. */
interface CallerWire {
  path: string;
  body(asked: Asked): object;
  read(body: string, stream: boolean): Heard;
}

export type CallerProtocol = "chat" | "messages" | "responses";

const question = { role: "user", content: "How is the weather?" };
const name = "weather";
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

/** The documents of a stream of events, whatever ends its lines. */
function eventsOf<Event>(body: string): Event[] {
  return body.split(/\r?\n\r?\n/).flatMap((event) => /^data: ?(\{.*)$/m.exec(event)?.[1] ?? []).map((data) => JSON.parse(data) as Event);
}

interface ChatPiece {
  id: string;
  choices: { delta?: ChatMessage; message?: ChatMessage; finish_reason: string | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
}
interface ChatMessage { role?: string; content?: string | null; tool_calls?: { index?: number; id?: string; function: { name?: string; arguments?: string } }[] }

function readChat(body: string, stream: boolean): Heard {
  const pieces = stream ? eventsOf<ChatPiece>(body) : [JSON.parse(body) as ChatPiece];
  if (stream) assert.match(body, /data: ?\[DONE\]\s*$/);
  assert.equal(new Set(pieces.map(({ id }) => id)).size, 1, "one id");
  const messages = pieces.flatMap(({ choices }) => choices.map(({ delta, message }) => delta ?? message!));
  assert.equal(messages.filter(({ role }) => role === "assistant").length, 1, "one role");
  const calls: Heard["calls"] = [];
  for (const [at, part] of messages.flatMap(({ tool_calls: parts = [] }) => parts).entries()) {
    const call = (calls[part.index ?? at] ??= { id: part.id ?? "", name: part.function.name ?? "", arguments: "" });
    call.arguments += part.function.arguments ?? "";
  }
  const usage = pieces.at(-1)!.usage!;
  const [finish] = pieces.flatMap(({ choices }) => choices.flatMap(({ finish_reason: reason }) => reason ?? []));
  assert.ok(finish === "stop" || finish === "tool_calls", finish);
  return { text: messages.map(({ content }) => content ?? "").join(""), calls, isToolUse: finish === "tool_calls", usage: { input: usage.prompt_tokens, output: usage.completion_tokens } };
}

interface Block { type: string; text?: string; id?: string; name?: string; input?: object }
interface Message { content: Block[]; stop_reason: string | null; usage: { input_tokens: number; output_tokens: number } }
interface MessageEvent { type: string; message?: Message; index?: number; content_block?: Block; delta?: { text?: string; partial_json?: string; stop_reason?: string }; usage?: { output_tokens: number } }

function readMessages(body: string, stream: boolean): Heard {
  if (!stream) {
    const { content, stop_reason: reason, usage } = JSON.parse(body) as Message;
    const calls = content.filter(({ type }) => type === "tool_use").map((block) => ({ id: block.id!, name: block.name!, arguments: JSON.stringify(block.input) }));
    return { text: content.map(({ text = "" }) => text).join(""), calls, isToolUse: reason === "tool_use", usage: { input: usage.input_tokens, output: usage.output_tokens } };
  }
  const events = eventsOf<MessageEvent>(body);
  assert.deepEqual(events.flatMap(({ type }, at) => (type === "message_start" ? [at] : [])), [0], "one start, first");
  assert.equal(events.at(-1)!.type, "message_stop");
  const blocks = events.filter(({ type }) => type === "content_block_start").map(({ index, content_block: block }) => ({ index, block: block! }));
  const said = (index: number | undefined, field: "text" | "partial_json"): string => events.filter((event) => event.type === "content_block_delta" && event.index === index).map(({ delta }) => delta?.[field] ?? "").join("");
  const end = events.find(({ type }) => type === "message_delta")!;
  return {
    text: blocks.map(({ index, block }) => (block.text ?? "") + said(index, "text")).join(""),
    calls: blocks.filter(({ block }) => block.type === "tool_use").map(({ index, block }) => ({ id: block.id!, name: block.name!, arguments: said(index, "partial_json") })),
    isToolUse: end.delta!.stop_reason === "tool_use",
    usage: { input: (end.usage as { input_tokens?: number }).input_tokens ?? events[0]!.message!.usage.input_tokens, output: end.usage!.output_tokens },
  };
}

interface ResponseDocument {
  status: string;
  output: { type: string; content?: { type: string; text: string }[]; call_id?: string; name?: string; arguments?: string }[];
  usage: { input_tokens: number; output_tokens: number };
}

function readResponse(body: string, stream: boolean): Heard {
  const events = stream ? eventsOf<{ type: string; delta?: string; response?: ResponseDocument }>(body) : [];
  const { status, output, usage } = stream ? events.at(-1)!.response! : (JSON.parse(body) as ResponseDocument);
  assert.equal(status, "completed");
  const text = output.flatMap(({ content = [] }) => content).map((part) => part.text).join("");
  if (stream) {
    assert.equal(events[0]!.type, "response.created");
    assert.equal(events.filter(({ type }) => type === "response.output_text.delta").map(({ delta }) => delta).join(""), text);
  }
  const calls = output.filter(({ type }) => type === "function_call").map((item) => ({ id: item.call_id!, name: item.name!, arguments: item.arguments! }));
  return { text, calls, isToolUse: calls.length > 0, usage: { input: usage.input_tokens, output: usage.output_tokens } };
}

export const callerWires: Readonly<Record<CallerProtocol, CallerWire>> = {
  chat: {
    path: "/v1/chat/completions", read: readChat,
    body: ({ model, stream, tools, call }) => ({
      model, ...(stream ? { stream, stream_options: { include_usage: true } } : {}), ...(tools ? { tools: [{ type: "function", function: { name, parameters } }] } : {}),
      messages: [question, ...(call === undefined ? [] : [{ role: "assistant", content: null, tool_calls: [{ id: call.id, type: "function", function: { name, arguments: call.arguments } }] }, { role: "tool", tool_call_id: call.id, content: "sunny" }])],
    }),
  },
  messages: {
    path: "/v1/messages", read: readMessages,
    body: ({ model, stream, tools, call }) => ({
      model, max_tokens: 100, ...(stream ? { stream } : {}), ...(tools ? { tools: [{ name, input_schema: parameters }] } : {}),
      messages: [question, ...(call === undefined ? [] : [{ role: "assistant", content: [{ type: "tool_use", id: call.id, name, input: JSON.parse(call.arguments) as object }] }, { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "sunny" }] }])],
    }),
  },
  responses: {
    path: "/v1/responses", read: readResponse,
    body: ({ model, stream, tools, call }) => ({
      model, ...(stream ? { stream } : {}), ...(tools ? { tools: [{ type: "function", name, parameters }] } : {}),
      input: [question, ...(call === undefined ? [] : [{ type: "function_call", call_id: call.id, name, arguments: call.arguments }, { type: "function_call_output", call_id: call.id, output: "sunny" }])],
    }),
  },
};
