import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventStreamReader, readChatPiece } from "./chat-stream.ts";

const stream = [
  'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}', ": a comment",
  'data: {"choices":[{"delta":{"content":"héllo"}}]}', 'event: ignored\ndata: {"choices":[\ndata:   {"delta":{"content":" there"},"finish_reason":"stop"}]}',
  'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}', "data: [DONE]",
];

function read(parts: readonly string[]): { text: string; finish: string | null; usage: unknown } {
  const reader = new EventStreamReader();
  const pieces = parts.flatMap((part) => reader.push(part)).map(readChatPiece).filter((piece) => piece !== null);
  return { text: pieces.map(({ text }) => text).join(""), finish: pieces.findLast(({ finish }) => finish !== null)?.finish ?? null, usage: pieces.at(-1)?.usage };
}

describe("a streamed answer", () => {
  const wanted = { text: "héllo there", finish: "stop", usage: { input: 3, output: 2 } };
  for (const [name, end] of [["LF", "\n"], ["CRLF", "\r\n"], ["CR", "\r"]] as const) {
    it(`is the same wherever it is cut, with lines that end with ${name}`, () => {
      const whole = stream.map((event) => event.replaceAll("\n", end) + end + end).join("") + (end === "\r" ? "\n" : "");
      for (let cut = 0; cut <= whole.length; cut++) assert.deepEqual(read([whole.slice(0, cut), whole.slice(cut)]), wanted, `cut at ${cut}`);
      assert.deepEqual(read(Array.from(whole)), wanted);
    });
  }

  it("says what failed in its middle", () => {
    assert.deepEqual(readChatPiece('{"error":{"message":"The provider broke off.","code":"provider_stream_failed"}}')!.failure, { code: "provider_stream_failed", message: "The provider broke off." });
    assert.deepEqual(readChatPiece('{"error":{},"choices":null}')!.failure, { code: "ANSWER_BROKEN", message: "The answer broke off." });
    assert.equal(readChatPiece('{"error":null,"choices":[]}')!.failure, null);
  });

  it("names the tools that are called, and keeps reasoning apart", () => {
    const piece = readChatPiece('{"choices":[{"delta":{"reasoning_content":"hm","tool_calls":[{"index":0,"function":{"name":"weather","arguments":""}},{"index":0,"function":{"arguments":"{}"}}]}}]}')!;
    assert.deepEqual([piece.tools, piece.reasoning, piece.text], [["weather"], "hm", ""]);
  });

  it("survives what is no chunk", () => {
    assert.equal(readChatPiece("not json"), null);
    for (const odd of ["null", "[]", "3", '{"choices":[null]}', '{"choices":{"0":1},"usage":null}']) assert.equal(readChatPiece(odd)!.text, "");
  });

  it("does not wait for ever for the end of an event", () => {
    const reader = new EventStreamReader();
    assert.throws(() => reader.push(`data: ${"x".repeat(5 << 20)}`), RangeError);
  });
});
