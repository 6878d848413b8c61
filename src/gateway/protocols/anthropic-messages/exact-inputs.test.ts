import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { mappingCases } from "../../providers/mapping-cases.fixture.ts";
import { chatProtocols } from "../index.ts";

const { parse } = chatProtocols["anthropic-messages"];
const bodyWith = (input: string, more = ""): string =>
  `{"model":"m","max_tokens":10${more},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"text","text":"so"},{"type":"tool_use","id":"t1","name":"find","input":${input}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"ok"}]}]}`;
const argumentsOf = (text: string): string => {
  const request = parse(JSON.parse(text) as Record<string, unknown>, Buffer.from(text));
  assert.deepEqual(request.source, JSON.parse(text));
  const call = request.messages.flatMap((message) => (message.role === "assistant" ? message.parts : [])).find((part) => part.type === "tool-call");
  return call!.arguments;
};

it("calls of tools in a conversation keep every digit of their numbers", () => {
  for (const input of [
    '{"id":12345678901234567890}', '{"id":-9007199254740993}', '{"ids":[{"id":9007199254740993},1]}', '{"x":0.12345678901234567891}', '{"x":1e999}', '{"a":"12345678901234567890","b":[]}', "{}", '{"INVALID_JSON":9007199254740993}',
  ]) assert.equal(argumentsOf(bodyWith(input)), input);
  // Bytes that stand in a larger buffer, behind others.
  const text = bodyWith('{"id":"ü","n":12345678901234567890}');
  const bytes = Buffer.from(`....${text}`).subarray(4);
  const [, said] = parse(JSON.parse(text) as Record<string, unknown>, bytes).messages;
  assert.ok(said?.role === "assistant" && said.parts[1]?.type === "tool-call" && said.parts[1].arguments === '{"id":"ü","n":12345678901234567890}');
  // Fields of the protocol are read as they always were.
  const { sampling } = parse(JSON.parse(bodyWith('{"id":12345678901234567890}', ',"temperature":1.0')) as Record<string, unknown>, Buffer.from(bodyWith('{"id":12345678901234567890}', ',"temperature":1.0')));
  assert.deepEqual([sampling.temperature, sampling.maxOutputTokens], [1, 10]);
});

it("and every provider is sent them so", () => {
  const text = bodyWith('{"id":12345678901234567890}');
  const request = parse(JSON.parse(text) as Record<string, unknown>, Buffer.from(text));
  for (const [kind, model] of [["openai", "gpt-5"], ["compatible", "m"], ["anthropic", "claude-sonnet-4-5"], ["gemini", "gemini-2.5-flash"], ["bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0"], ["mistral", "mistral-large-latest"], ["cohere", "command-a-03-2025"], ["ollama", "m"], ["azure", "m"]] as const) {
    const { chat, target } = mappingCases(kind);
    assert.match(String(chat.request(request, target(model)).body), /[^\d]12345678901234567890[^\d]/, kind);
  }
});

it("any whole number in a call of a tool is written as it came", () => {
  fc.assert(fc.property(fc.array(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), { minLength: 1, maxLength: 4 }), (numbers) => {
    const input = `{"numbers":[${numbers.join(",")}],"first":${numbers[0]}}`;
    assert.equal(argumentsOf(bodyWith(input)), input);
  }));
});

it("what is wrong with a call of a tool is told as ever", () => {
  const broken = '{"model":"m","max_tokens":10,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"n":12345678901234567890}},{"type":"tool_use","id":"u","name":"f","input":12345678901234567890},7]},"x"]}';
  assert.throws(() => parse(JSON.parse(broken) as Record<string, unknown>, Buffer.from(broken)), { code: "INVALID_REQUEST" });
});
