import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChatMessage } from "../../conversation/chat-request.ts";
import { refusedFields } from "../../providers/refused-fields.fixture.ts";
import { parseChat } from "./parse-chat.ts";

const hello = [{ role: "user", content: "Hello" }];

function parse(body: Record<string, unknown>) {
  return parseChat({ model: "m", messages: hello, ...body });
}

function messagesOf(...messages: unknown[]): readonly ChatMessage[] {
  return parse({ messages }).messages;
}

const problemsOf = (body: Record<string, unknown>): Record<string, string> => refusedFields("INVALID_REQUEST", () => parse(body));

describe("the body of a chat", () => {
  it("takes every field to its place, and what it does not know to extra", () => {
    assert.deepEqual(
      parse({
        max_tokens: 9, max_completion_tokens: 7, temperature: 1.5, top_p: 0.5, top_k: 4, stop: "END", seed: -3, frequency_penalty: -1, presence_penalty: 1, stream: true, user: "u", parallel_tool_calls: false,
        reasoning_effort: "low", n: 1, logprobs: true, metadata: { a: "b" }, stream_options: { include_usage: true }, service_tier: null, min_p: 0.1,
      }),
      {
        messages: [{ role: "user", parts: [{ type: "text", text: "Hello" }] }], tools: [], toolChoice: { type: "auto" }, parallelToolCalls: false, output: { type: "text" },
        sampling: { maxOutputTokens: 7, temperature: 1.5, topP: 0.5, topK: 4, stop: ["END"], seed: -3, frequencyPenalty: -1, presencePenalty: 1 },
        reasoning: { effort: "low" }, stream: true, user: "u", extra: { logprobs: true, metadata: { a: "b" }, stream_options: { include_usage: true }, min_p: 0.1 },
      },
    );
    assert.deepEqual(parse({ n: 2, stop: ["a", "b"], temperature: null, max_tokens: 5 }).extra, { n: 2 });
    assert.deepEqual(parse({ stop: ["a", "b"] }).sampling.stop, ["a", "b"]);
    assert.equal(parse({ max_tokens: 5 }).sampling.maxOutputTokens, 5);
    assert.deepEqual(parse({ thinking: { type: "enabled", budget_tokens: 2000 } }).reasoning, { budgetTokens: 2000 });
    assert.deepEqual(parse({ reasoning: { effort: "high", max_tokens: 100 } }).reasoning, { effort: "high", budgetTokens: 100 });
  });

  /** Case 4. */
  it("keeps system messages where they are, with the marks of caches", () => {
    assert.deepEqual(
      messagesOf(
        { role: "system", content: [{ type: "text", text: "One.", cache_control: { type: "ephemeral", ttl: "1h" } }, { type: "text", text: "Two." }] },
        { role: "user", content: "Hi", name: "ann" },
        { role: "developer", content: "Three.", cache_control: { type: "ephemeral" } },
      ),
      [
        { role: "system", parts: [{ type: "text", text: "One.", cache: { ttl: "1h" } }, { type: "text", text: "Two." }] },
        { role: "user", parts: [{ type: "text", text: "Hi" }], name: "ann" },
        { role: "system", parts: [{ type: "text", text: "Three.", cache: {} }] },
      ],
    );
  });

  /** Cases 1, 2 and 9. */
  it("takes calls of tools with any text for arguments, their results, and thinking", () => {
    const call = (id: string, text: unknown) => ({ id, type: "function", function: { name: "f", arguments: text } });
    assert.deepEqual(
      messagesOf(
        { role: "assistant", content: null, tool_calls: [call("1", ""), call("2", '{"cut'), call("3", '{"x": 1.0}'), call("4", { x: 1 }), { ...call("5", "{}"), extra_content: { google: { thought_signature: "s" } } }] },
        { role: "tool", tool_call_id: "1", content: "one" },
        { role: "tool", tool_call_id: "2", content: [{ type: "text", text: "two" }, { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] },
        { role: "assistant", content: "So.", reasoning_content: "Hm." },
        { role: "assistant", content: [{ type: "refusal", refusal: "No." }], thinking_blocks: [{ type: "thinking", thinking: "Hm.", signature: "sig" }, { type: "redacted_thinking", data: "xx" }], reasoning_content: "Hm." },
        { role: "assistant", content: "a", refusal: null, annotations: [], audio: null, function_call: null, reasoning_details: [{ type: "reasoning.text", text: "t", signature: "s" }, { type: "reasoning.encrypted", data: "e" }] },
      ),
      [
        {
          role: "assistant",
          parts: [
            { type: "tool-call", id: "1", name: "f", arguments: "" }, { type: "tool-call", id: "2", name: "f", arguments: '{"cut' }, { type: "tool-call", id: "3", name: "f", arguments: '{"x": 1.0}' },
            { type: "tool-call", id: "4", name: "f", arguments: '{"x":1}' }, { type: "tool-call", id: "5", name: "f", arguments: "{}", signature: "s" },
          ],
        },
        { role: "tool", callId: "1", parts: [{ type: "text", text: "one" }], isError: false },
        { role: "tool", callId: "2", parts: [{ type: "text", text: "two" }, { type: "image", source: { kind: "data", mediaType: "image/png", base64: "AAAA" } }], isError: false },
        { role: "assistant", parts: [{ type: "thinking", text: "Hm.", signature: null }, { type: "text", text: "So." }] },
        { role: "assistant", parts: [{ type: "thinking", text: "Hm.", signature: "sig" }, { type: "redacted-thinking", data: "xx" }, { type: "refusal", text: "No." }] },
        { role: "assistant", parts: [{ type: "thinking", text: "t", signature: "s" }, { type: "redacted-thinking", data: "e" }, { type: "text", text: "a" }] },
      ],
    );
  });

  /** Case 3. */
  it("takes tools and how to choose among them", () => {
    const schema = { type: "object", properties: { x: { $ref: "#/$defs/x" } }, $defs: { x: { anyOf: [{ type: "null" }, { $ref: "#/$defs/x" }] } } };
    const { tools } = parse({ tools: [{ type: "function", function: { name: "f", description: "d", parameters: schema, strict: true }, cache_control: { type: "ephemeral" } }, { type: "function", function: { name: "g" } }] });
    assert.deepEqual(tools, [{ name: "f", description: "d", parameters: schema, strict: true, cache: {} }, { name: "g", parameters: { type: "object", properties: {} } }]);
    for (const type of [undefined, null, 4]) assert.deepEqual(Object.keys(problemsOf({ tool_choice: { type } })), ["tool_choice.type"]);
    const choices = ["auto", "none", "required", "any", { type: "function", function: { name: "f" } }, null].map((choice) => parse({ tool_choice: choice }).toolChoice);
    assert.deepEqual(choices, [{ type: "auto" }, { type: "none" }, { type: "required" }, { type: "required" }, { type: "tool", name: "f" }, { type: "auto" }]);
  });

  /** Cases 7 and 8. */
  it("takes forms of output", () => {
    const schema = { type: "object" };
    const formats = [{ type: "text" }, { type: "json_object" }, { type: "json_schema", json_schema: { name: "n", schema, strict: true } }].map((format) => parse({ response_format: format }).output);
    assert.deepEqual(formats, [{ type: "text" }, { type: "json" }, { type: "schema", name: "n", schema, strict: true }]);
  });

  /** Case 6. */
  it("takes images, sounds and files, and refuses what is none", () => {
    const [message] = messagesOf({
      role: "user",
      content: [
        { type: "image_url", image_url: { url: "data:image/JPG;charset=x;base64,AAAA", detail: "low" } },
        { type: "image_url", image_url: { url: "https://example.com/a.png" } },
        { type: "image_url", image_url: { url: "data:application/pdf;base64,AAAA" } },
        { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
        { type: "file", file: { file_data: "data:application/pdf;base64,AAAA", filename: "a.pdf" } },
        { type: "file", file: { file_id: "file-1" } },
      ],
    });
    assert.deepEqual(message!.parts, [
      { type: "image", source: { kind: "data", mediaType: "image/jpeg", base64: "AAAA" }, detail: "low" },
      { type: "image", source: { kind: "url", url: "https://example.com/a.png" } },
      { type: "document", source: { kind: "data", mediaType: "application/pdf", base64: "AAAA" } },
      { type: "audio", mediaType: "audio/mpeg", base64: "AAAA" },
      { type: "document", source: { kind: "data", mediaType: "application/pdf", base64: "AAAA" }, name: "a.pdf" },
      { type: "document", source: { kind: "file", id: "file-1" } },
    ]);
    const refused = ["data:text/html;base64,AAAA", "data:image/svg+xml;base64,AAAA", "data:image/png,raw", "file:///etc/passwd", "data:image/png;base64,", ""];
    for (const url of refused) {
      assert.deepEqual(Object.keys(problemsOf({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] })), ["messages[0].content[0].image_url.url"], url);
    }
  });

  it("names every problem with its path", () => {
    assert.deepEqual(
      problemsOf({
        model: "", temperature: 3, top_p: "1", max_tokens: 1.5, stop: [""], seed: "x", stream: "yes", tool_choice: "some", response_format: { type: "xml" }, stream_options: [], reasoning_effort: "much",
        messages: [{ role: "owner", content: "x" }, { role: "user" }, { role: "tool", content: "x" }, { role: "system", content: [{ type: "image_url", image_url: { url: "https://a.b/c" } }] }, "text", { role: "assistant", tool_calls: [{ id: "1", function: {} }] }],
        tools: [{ type: "function", function: { parameters: [] } }, {}],
      }),
      {
        model: "must not be empty", temperature: "must be from 0 to 2", top_p: "must be a number, but is a string", max_tokens: "must be a whole number of at least 1", "stop[0]": "must not be empty",
        seed: "must be a whole number, but is a string", stream: "must be true or false, but is a string", stream_options: "must be an object, but is an array",
        tool_choice: 'must be auto, none, required or the name of a function, but is "some"', "response_format.type": 'must be text, json_object or json_schema, but is "xml"',
        reasoning_effort: 'must be none, minimal, low, medium, high or xhigh, but is "much"',
        "messages[0].role": 'must be system, developer, user, assistant or tool, but is "owner"', "messages[1].content": "is missing", "messages[2].tool_call_id": "is missing",
        "messages[3].content[0]": "must be a text in a message of role system", "messages[4]": "must be an object, but is a string", "messages[4].role": "must be system, developer, user, assistant or tool, but is missing",
        "messages[5].tool_calls[0].function.name": "is missing", "tools[0].function.name": "is missing", "tools[0].function.parameters": "must be an object, but is an array", "tools[1].type": "must be function, but is missing",
      },
    );
    assert.deepEqual(problemsOf({ messages: [] }), { messages: "must have at least one message" });
    assert.deepEqual(problemsOf(JSON.parse('{"__proto__":{"stream":true}}') as Record<string, unknown>), { ["__proto__"]: "is not a field" });
    assert.deepEqual(problemsOf({ temperature: Infinity }), { temperature: "must be from 0 to 2" });
    const many = Array.from({ length: 5000 }, () => ({}));
    assert.equal(Object.keys(problemsOf({ messages: many })).length <= 64, true);
  });

  it("says what only OpenAI's own protocol can carry, and what is left behind", () => {
    const request = parse({
      messages: [
        { role: "assistant", function_call: { name: "f", arguments: "{}" } }, { role: "function", name: "f", content: "secret" },
        { role: "assistant", content: "a", annotations: [{ type: "url_citation" }], tool_calls: [{ id: "c", type: "custom", custom: { name: "grep", input: "x" } }] },
      ],
      functions: [{ name: "f" }], function_call: "none", tools: [{ type: "custom", custom: { name: "grep" } }, { type: "function", function: { name: "f" }, defer_loading: true }], tool_choice: { type: "allowed_tools" },
    });
    assert.deepEqual(request.nativeOnly?.map(({ path }) => path), ["messages[0].function_call", "messages[1]", "messages[2].tool_calls[0]", "tools[0]", "functions", "function_call", "tool_choice"]);
    assert.deepEqual(request.uncarried, ["messages[2].annotations", "tools[1].defer_loading"]);
    // What was said among it is counted and judged all the same.
    assert.deepEqual(request.messages[1], { role: "tool", callId: "f", parts: [{ type: "text", text: "secret" }], isError: false });
    // Values that stand nowhere else tell requests apart.
    assert.deepEqual(request.extra, { "tools[0]": { type: "custom", custom: { name: "grep" } }, functions: [{ name: "f" }], function_call: "none", tool_choice: { type: "allowed_tools" } });
  });
});
