import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerEvents, answerJson, GatewayUpstream, speakOpenAi, type UpstreamCall } from "./gateway-upstream.ts";

interface Entry {
  provider: string;
  estimated: boolean;
  cost: number;
  tokens: { input: number; cacheRead: number | null; output: number };
}
interface Block { type: string; id?: string; signature?: string; extra_content?: object; [field: string]: unknown }

const question = "How is the weather in Köln?";
const weather = { name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } };

const knownToOpenAi: ReadonlySet<string> = new Set(["role", "content", "refusal", "name", "audio", "tool_calls", "tool_call_id", "id", "type", "function"]);

/** What the API of OpenAI says to reasoning that is not its own, and to fields that its messages do not have; null where it takes all. */
function unknownTo({ body }: UpstreamCall): string | null {
  for (const [index, message] of ((body.messages ?? []) as Block[]).entries()) {
    for (const object of [message, ...((message.tool_calls ?? []) as Block[])]) for (const name in object) if (!knownToOpenAi.has(name)) return `Unknown parameter: 'messages[${index}].${name}'.`;
    if (Array.isArray(message.content) && (message.content as Block[]).some(({ type }) => type === "thinking")) return "Invalid value: 'thinking'. Supported values are: 'text' and 'refusal'.";
  }
  for (const { type, id, encrypted_content: encrypted, ...rest } of (body.input ?? []) as Block[]) {
    if ("extra_content" in rest) return "Unknown parameter: 'input[2].extra_content'.";
    if (type === "reasoning" && encrypted !== "OpenAI's") return encrypted === undefined ? `Item with id '${id}' not found.` : `The encrypted content for item ${id} could not be verified.`;
  }
  return null;
}

/** What the API of Anthropic says to turns that it does not know as its own; null where it takes them. */
function refusalOf({ body }: UpstreamCall): string | null {
  for (const [index, { content }] of (body.messages as { content: string | Block[] }[]).entries()) {
    for (const [place, { type, id, tool_use_id: callId, signature = "", ...rest }] of (typeof content === "string" ? [] : content).entries()) {
      if (type === "thinking" && !signature.startsWith("Claude")) return `messages.${index}.content.${place}: Invalid \`signature\` in \`thinking\` block`;
      if ("extra_content" in rest) return `messages.${index}.content.${place}.tool_use.extra_content: Extra inputs are not permitted`;
      for (const name of [id, callId]) if (name !== undefined && !/^[\w-]+$/.test(String(name))) return `messages.${index}.content.${place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`;
    }
  }
  return null;
}

describe("conversations and answers that cross from one provider's words to another's", () => {
  let server: BorrowedServer;
  /** What Gemini answers, as pieces of a stream. */
  let pieces: object[] = [];
  let isDown = false;
  const gemini = (parts: object[], more: object = {}): object => ({ responseId: "r.1", modelVersion: "gemini-2.5-flash", candidates: [{ index: 0, content: { role: "model", parts }, ...more }] });
  const answerGemini = (call: UpstreamCall, response: ServerResponse): void => {
    if (isDown) return answerJson(response, { error: { code: 503, status: "UNAVAILABLE", message: "Down." } }, 503);
    if (call.path.includes("stream")) return answerEvents(response, pieces.map((piece) => `data: ${JSON.stringify(piece)}\r\n\r\n`));
    answerJson(response, pieces[0]);
  };
  const answerAnthropic = (call: UpstreamCall, response: ServerResponse): void => {
    const refusal = refusalOf(call);
    if (refusal !== null) return answerJson(response, { type: "error", error: { type: "invalid_request_error", message: refusal } }, 400);
    answerJson(response, { id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-4-5", content: [{ type: "text", text: "Rain." }], stop_reason: "end_turn", stop_sequence: null, usage: { input_tokens: 30, output_tokens: 3 } });
  };
  const answerOpenAi = (call: UpstreamCall, response: ServerResponse): void => {
    const refusal = unknownTo(call);
    if (refusal !== null) return answerJson(response, { error: { message: refusal, type: "invalid_request_error", param: null, code: "invalid_encrypted_content" } }, 400);
    if (call.path.endsWith("/responses")) return answerJson(response, { id: "resp_1", object: "response", created_at: 1, status: "completed", model: "gpt-5", output: [{ type: "message", id: "msg_1", role: "assistant", status: "completed", content: [{ type: "output_text", text: "Rain.", annotations: [] }] }], usage: { input_tokens: 30, output_tokens: 3, total_tokens: 33 } });
    speakOpenAi(call, response);
  };
  const answerOf = { gemini: answerGemini, claude: answerAnthropic, openai: answerOpenAi };
  const upstream = new GatewayUpstream((call, response) => answerOf[call.path.split("/")[1] as keyof typeof answerOf](call, response));
  const asked = (kind: keyof typeof answerOf): UpstreamCall[] => upstream.calls.filter(({ path }) => path.startsWith(`/${kind}/`));

  before(async () => {
    server = await borrowServer();
    const address = await upstream.start();
    const put = (what: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${what}`, { revision: 0, settings });
    await put("providers/gemini-here", { kind: "gemini", baseUrl: `${address}/gemini` });
    await put("providers/claude-here", { kind: "anthropic", baseUrl: `${address}/claude` });
    const [first, second] = [{ provider: "gemini-here", model: "gemini-2.5-flash" }, { provider: "claude-here", model: "claude-sonnet-4-5", priority: 1 }];
    await put("providers/openai-here", { kind: "openai", baseUrl: `${address}/openai/v1` });
    await put("routes/gemini-openai", { targets: [{ provider: "gemini-here", model: "gemini-2.5-flash" }, { provider: "openai-here", model: "gpt-5", priority: 1 }], attempts: 1 });
    await put("routes/both", { targets: [first, second], attempts: 1 });
    await put("routes/gemini-alone", { targets: [first], attempts: 1 });
  });
  after(async () => {
    await server.giveBack();
    upstream.stop();
  });

  async function ask(path: string, body: object): Promise<{ status: number; text: string; headers: Headers; entries: Entry[] }> {
    const trace = randomBytes(16).toString("hex");
    const reply = await fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` }, body: JSON.stringify(body) });
    const text = await reply.text();
    const { entries } = await server.client.api.get<{ entries: Entry[] }>(`/api/costs/entries?trace=${trace}`);
    return { status: reply.status, text, headers: reply.headers, entries };
  }

  it("go on at Claude with what Gemini thought and called, which Claude refuses as it came", async () => {
    isDown = false;
    const usageMetadata = { promptTokenCount: 9, candidatesTokenCount: 5 };
    pieces = [{ ...gemini([{ text: "Hm.", thought: true, thoughtSignature: "c2ln" }, { functionCall: { name: "weather", args: { city: "Köln" } }, thoughtSignature: "c2ln" }], { finishReason: "STOP" }), usageMetadata }];
    const call = { model: "both", max_tokens: 100, tools: [weather] };
    const first = await ask("/v1/messages", { ...call, messages: [{ role: "user", content: question }] });
    const { content } = JSON.parse(first.text) as { content: Block[] };
    const use = content.find(({ type }) => type === "tool_use")!;
    assert.deepEqual([content[0]!.type, content[0]!.signature, use.id], ["thinking", "gemini:c2ln", "call_r.1_0"], first.text);
    isDown = true;
    const messages = [{ role: "user", content: question }, { role: "assistant", content }, { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "rain" }] }];
    const second = await ask("/v1/messages", { ...call, messages });
    assert.deepEqual([second.status, second.headers.get("x-slipway-target")], [200, "claude-here/claude-sonnet-4-5"], second.text);
    // Nothing is left out without a word.
    assert.equal(second.headers.get("x-slipway-dropped"), "messages[1].thinking (signed by another provider), messages[1].tool_calls.signature");
    const [said, result] = (asked("claude").at(-1)!.body.messages as { content: Block[] }[]).slice(1);
    assert.deepEqual(said!.content, [{ type: "tool_use", id: "call_r_1_0", name: "weather", input: { city: "Köln" } }]);
    assert.equal(result!.content[0]!.tool_use_id, "call_r_1_0");
    // What Claude itself said passes byte for byte.
    const own = JSON.stringify({ ...call, model: "claude-here/claude-sonnet-4-5", messages: [{ role: "user", content: question }, { role: "assistant", content: [{ type: "thinking", thinking: "So.", signature: "Claude's" }, { type: "text", text: "Rain?" }] }, { role: "user", content: "yes" }] });
    const passed = await fetch(`${server.url}/v1/messages`, { method: "POST", headers: { "content-type": "application/json" }, body: own });
    assert.deepEqual([passed.status, passed.headers.get("x-slipway-dropped")], [200, null], await passed.text());
    assert.equal(asked("claude").at(-1)!.bytes.toString(), own.replace("claude-here/", ""));
  });

  it("go on at OpenAI's responses with what Gemini thought and called, which OpenAI refuses as it came", async () => {
    const usageMetadata = { promptTokenCount: 9, candidatesTokenCount: 5 };
    const tools = [{ type: "function", name: "weather", parameters: weather.input_schema }];
    for (const thoughtSignature of ["c2ln", undefined]) {
      isDown = false;
      pieces = [{ ...gemini([{ text: "Hm.", thought: true, thoughtSignature }, { functionCall: { name: "weather", args: { city: "Köln" } } }], { finishReason: "STOP" }), usageMetadata }];
      const first = await ask("/v1/responses", { model: "gemini-openai", tools, input: [{ role: "user", content: question }] });
      const { output } = JSON.parse(first.text) as { output: Block[] };
      assert.deepEqual(output.map(({ type, encrypted_content: sealed }) => [type, sealed]), [["reasoning", thoughtSignature === undefined ? undefined : "slipway.signature.gemini:c2ln"], ["function_call", undefined]]);
      isDown = true;
      const input = [{ role: "user", content: question }, ...output, { type: "function_call_output", call_id: output[1]!.call_id, output: "rain" }];
      const second = await ask("/v1/responses", { model: "gemini-openai", tools, input });
      assert.deepEqual([second.status, second.headers.get("x-slipway-target"), second.headers.get("x-slipway-dropped")], [200, "openai-here/gpt-5", "messages[1].thinking"], second.text);
      assert.equal((JSON.parse(second.text) as { output: { content: { text: string }[] }[] }).output[0]!.content[0]!.text, "The tool says rain.");
      assert.equal(asked("openai").at(-1)!.path, "/openai/v1/chat/completions");
    }
    // What OpenAI itself thought passes byte for byte.
    const own = JSON.stringify({ model: "openai-here/gpt-5", tools, input: [{ role: "user", content: question }, { type: "reasoning", id: "rs_68af", summary: [], encrypted_content: "OpenAI's" }, { role: "user", content: "And?" }] });
    const passed = await fetch(`${server.url}/v1/responses`, { method: "POST", headers: { "content-type": "application/json" }, body: own });
    assert.deepEqual([passed.status, asked("openai").at(-1)!.bytes.toString()], [200, own.replace("openai-here/", "")], await passed.text());
  });

  it("go on at OpenAI's chat completions with what others thought, which OpenAI refuses as it came", async () => {
    isDown = false;
    const usageMetadata = { promptTokenCount: 9, candidatesTokenCount: 5 };
    const tools = [{ type: "function", function: { name: "weather", parameters: weather.input_schema } }];
    pieces = [{ ...gemini([{ text: "Hm.", thought: true, thoughtSignature: "c2ln" }, { functionCall: { name: "weather", args: { city: "Köln" } }, thoughtSignature: "c2ln" }], { finishReason: "STOP" }), usageMetadata }];
    const first = await ask("/v1/chat/completions", { model: "gemini-openai", tools, messages: [{ role: "user", content: question }] });
    const { message } = (JSON.parse(first.text) as { choices: { message: Block & { tool_calls: Block[] } }[] }).choices[0]!;
    assert.deepEqual([message.reasoning_content, "thinking_blocks" in message, "extra_content" in message.tool_calls[0]!], ["Hm.", true, true], first.text);
    isDown = true;
    const messages = [{ role: "user", content: question }, message, { role: "tool", tool_call_id: message.tool_calls[0]!.id, content: "rain" }];
    for (const stream of [false, true]) {
      const second = await ask("/v1/chat/completions", { model: "gemini-openai", tools, messages, stream });
      assert.deepEqual([second.status, second.headers.get("x-slipway-target")], [200, "openai-here/gpt-5"], second.text);
      assert.equal(second.headers.get("x-slipway-dropped"), "messages[1].reasoning_content, messages[1].thinking_blocks, messages[1].tool_calls[0].extra_content");
      assert.match(second.text, /rain/);
    }
    // The answer is OpenAI's own all the same, so that what only it gives can be asked for; and what vLLM and Mistral say of no thinking or among the content goes too.
    const thought = [{ role: "user", content: question }, { role: "assistant", reasoning_content: null, content: [{ type: "thinking", thinking: [{ type: "text", text: "Hm." }] }, { type: "text", text: "Rain?" }] }, { role: "user", content: "yes" }];
    const third = await ask("/v1/chat/completions", { model: "openai-here/gpt-5", logprobs: true, messages: thought });
    assert.deepEqual([third.status, third.headers.get("x-slipway-dropped")], [200, "messages[1].thinking"], third.text);
    const { body } = asked("openai").at(-1)!;
    assert.deepEqual([body.logprobs, body.messages], [true, [thought[0], { role: "assistant", content: [{ type: "text", text: "Rain?" }] }, thought[2]]]);
    // What has nothing of it passes byte for byte.
    const own = JSON.stringify({ model: "openai-here/gpt-5", messages: [{ role: "user", content: question }, { role: "assistant", content: "Rain?", refusal: null }, { role: "user", content: "yes" }] }, null, 1);
    const passed = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: own });
    assert.deepEqual([passed.status, asked("openai").at(-1)!.bytes.toString()], [200, own.replace("openai-here/", "")], await passed.text());
  });

  it("count what Gemini thought and took from its cache, also where the last piece of a stream does not tell it again", async () => {
    isDown = false;
    pieces = [
      { ...gemini([{ text: "Hm.", thought: true }]), usageMetadata: { promptTokenCount: 100, cachedContentTokenCount: 60, toolUsePromptTokenCount: 10, thoughtsTokenCount: 30 } },
      { ...gemini([{ text: "Rain." }], { finishReason: "MAX_TOKENS" }), usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 20 } },
    ];
    for (const path of ["/v1/chat/completions", "/v1/messages", "/v1/responses"]) {
      const isChat = path.endsWith("completions");
      const { status, text, headers, entries } = await ask(path, { model: "gemini-alone", stream: true, ...(isChat ? { stream_options: { include_usage: true } } : {}), ...(path.endsWith("messages") ? { max_tokens: 50 } : {}), ...(path.endsWith("responses") ? { input: question } : { messages: [{ role: "user", content: question }] }) });
      assert.equal(status, 200, text);
      // The gateway tells the usage by itself.
      assert.equal(headers.get("x-slipway-dropped"), null);
      assert.deepEqual(entries.map(({ tokens, cost, estimated }) => [tokens.input, tokens.cacheRead, tokens.output, cost, estimated]), [[50, 60, 50, 50 * 300 + 60 * 30 + 50 * 2500, false]], path);
      assert.match(text, isChat ? /"finish_reason":"length"[^]*"prompt_tokens":110,"completion_tokens":50/ : path.endsWith("messages") ? /"stop_reason":"max_tokens"[^]*"input_tokens":50,"output_tokens":50,"cache_read_input_tokens":60/ : /"incomplete_details":\{"reason":"max_output_tokens"\}[^]*"input_tokens":110,[^]*"output_tokens":50/);
    }
  });
});
