import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refusedFields } from "../../providers/refused-fields.fixture.ts";
import { parseResponse } from "./parse-response.ts";

function parse(body: Record<string, unknown>) {
  return parseResponse({ model: "m", input: "Hello", ...body });
}

const problemsOf = (body: Record<string, unknown>): Record<string, string> => refusedFields("INVALID_REQUEST", () => parse(body));

describe("the body of a response", () => {
  it("takes every field to its place, and what it does not know to extra", () => {
    assert.deepEqual(
      parse({
        instructions: "Be brief.", max_output_tokens: 20, temperature: 1, top_p: 0.5, stream: true, user: "u", parallel_tool_calls: true, metadata: { a: "b" }, store: false, truncation: "disabled", include: ["reasoning.encrypted_content"],
        reasoning: { effort: "high" }, text: { format: { type: "json_schema", name: "n", schema: { type: "object" }, strict: true }, verbosity: "low" }, previous_response_id: null,
        tools: [{ type: "function", name: "f", description: null, parameters: { type: "object" }, strict: null }], tool_choice: { type: "function", name: "f" },
      }),
      {
        messages: [{ role: "system", parts: [{ type: "text", text: "Be brief." }] }, { role: "user", parts: [{ type: "text", text: "Hello" }] }],
        tools: [{ name: "f", parameters: { type: "object" } }], toolChoice: { type: "tool", name: "f" }, parallelToolCalls: true, output: { type: "schema", name: "n", schema: { type: "object" }, strict: true },
        sampling: { maxOutputTokens: 20, temperature: 1, topP: 0.5, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null },
        reasoning: { effort: "high" }, stream: true, user: "u", extra: { metadata: { a: "b" }, verbosity: "low" },
      },
    );
  });

  it("takes a reasoning that only says how it is shown for none", () => {
    assert.deepEqual([{ summary: "auto" }, {}, null].map((reasoning) => parse({ reasoning }).reasoning), [null, null, null]);
  });

  it("puts what the assistant thought, said and called together to one message", () => {
    const { messages, uncarried } = parse({
      input: [
        { role: "developer", content: "One." },
        { type: "message", role: "user", content: [{ type: "input_text", text: "Look." }, { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "low" }, { type: "input_image", file_id: "f1" }, { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,AAAA" }, { type: "input_file", file_url: "https://example.com/a.pdf" }] },
        { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "of OpenAI" },
        { type: "message", id: "msg_1", status: "completed", role: "assistant", content: [{ type: "output_text", text: "So.", annotations: [] }, { type: "refusal", refusal: "No." }] },
        { type: "function_call", call_id: "1", name: "f", arguments: "" },
        { type: "function_call", call_id: "2", name: "f", arguments: "{" },
        { type: "function_call_output", call_id: "1", output: "one" },
        { type: "function_call_output", call_id: "2", output: [{ type: "input_image", image_url: "https://example.com/a.png" }] },
        { role: "assistant", content: "Done." },
      ],
    });
    assert.deepEqual(messages, [
      { role: "system", parts: [{ type: "text", text: "One." }] },
      {
        role: "user",
        parts: [
          { type: "text", text: "Look." }, { type: "image", source: { kind: "data", mediaType: "image/png", base64: "AAAA" }, detail: "low" }, { type: "image", source: { kind: "file", id: "f1" } },
          { type: "document", source: { kind: "data", mediaType: "application/pdf", base64: "AAAA" }, name: "a.pdf" }, { type: "document", source: { kind: "url", url: "https://example.com/a.pdf" } },
        ],
      },
      {
        role: "assistant",
        parts: [
          { type: "thinking", text: "Hm.", signature: null }, { type: "text", text: "So." }, { type: "refusal", text: "No." }, { type: "tool-call", id: "1", name: "f", arguments: "" }, { type: "tool-call", id: "2", name: "f", arguments: "{" },
        ],
      },
      { role: "tool", callId: "1", parts: [{ type: "text", text: "one" }], isError: false },
      { role: "tool", callId: "2", parts: [{ type: "image", source: { kind: "url", url: "https://example.com/a.png" } }], isError: false },
      { role: "assistant", parts: [{ type: "text", text: "Done." }] },
    ]);
    assert.deepEqual(uncarried, ["input[2].encrypted_content"]);
  });

  it("names what needs answers to be kept, built-in tools, and every problem", () => {
    const request = parse({
      store: true, previous_response_id: "resp_1", conversation: "c", background: true, tools: [{ type: "web_search" }, { type: "function", name: "f" }], tool_choice: { type: "web_search" },
      input: [{ type: "item_reference", id: "rs_1" }], truncation: "auto", reasoning: { effort: "low", summary: "auto" }, include: ["message.output_text.logprobs"],
    });
    assert.deepEqual(request.nativeOnly?.map(({ path }) => path), ["input[0]", "tools[0]", "previous_response_id", "conversation", "store", "background", "tool_choice"]);
    for (const index of [0, 2, 3, 4]) assert.match(request.nativeOnly![index]!.message, /send the whole conversation as input/);
    for (const index of [0, 4]) assert.match(request.nativeOnly![index]!.message, /send store: false/);
    assert.deepEqual(request.extra, { "tools[0]": { type: "web_search" }, previous_response_id: "resp_1", conversation: "c", tool_choice: { type: "web_search" } });
    assert.deepEqual(request.uncarried, ["truncation", "include[0]", "reasoning.summary"]);
    assert.deepEqual(
      problemsOf({ input: [{ role: "tool", content: "x" }, { type: "function_call" }, { type: "function_call_output", call_id: "1" }, { role: "user", content: [{ type: "image" }] }, 4], text: { format: { type: "xml" } }, tools: [{ type: "function" }] }),
      {
        "input[0].role": 'must be user, assistant, system or developer, but is "tool"', "input[1].call_id": "is missing", "input[1].name": "is missing", "input[1].arguments": "is missing", "input[2].output": "is missing",
        "input[3].content[0].type": 'must be input_text, input_image, input_file or input_audio, but is "image"', "input[4]": "must be an object, but is a number", "input[4].content": "is missing",
        "input[4].role": "must be user, assistant, system or developer, but is missing", "text.format.type": 'must be text, json_object or json_schema, but is "xml"', "tools[0].name": "is missing",
      },
    );
    assert.deepEqual(problemsOf({ input: undefined }), { input: "is missing" });
    assert.deepEqual(problemsOf({ input: [] }), { input: "must have at least one item" });
  });
});
