import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../../core/errors.ts";
import { unknownUsage, type ChatAnswer, type FinishReason } from "../../conversation/chat-answer.ts";
import { refusedFields } from "../../providers/refused-fields.fixture.ts";
import { openAiCompletions } from "./openai-completions.ts";

const { parse, answer, stream, error } = openAiCompletions;
const asked = (change: object = {}): ReturnType<typeof parse> => parse({ model: "m", prompt: "Hello", ...change });
const frame = { id: "cmpl-1", model: "m", created: 5 };

describe("a completion", () => {
  it("is a chat of one message of a user", () => {
    assert.deepEqual(asked(), {
      messages: [{ role: "user", parts: [{ type: "text", text: "Hello" }] }], tools: [], toolChoice: { type: "auto" }, parallelToolCalls: null, output: { type: "text" },
      sampling: { maxOutputTokens: null, temperature: null, topP: null, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null }, reasoning: null, stream: false, user: null, extra: {},
    });
    const { sampling, stream: isStream, user, extra } = asked({ max_tokens: 1, temperature: 2, top_p: 1, stop: ["a", "b"], seed: -7, frequency_penalty: -2, presence_penalty: 2, stream: true, user: "u", n: 3, best_of: 3, echo: false, suffix: "", logprobs: null, own: 1 });
    assert.deepEqual([sampling, isStream, user, extra], [{ maxOutputTokens: 1, temperature: 2, topP: 1, topK: null, stop: ["a", "b"], seed: -7, frequencyPenalty: -2, presencePenalty: 2 }, true, "u", { n: 3, own: 1 }]);
    assert.deepEqual([asked({ n: 1, best_of: 1 }).extra, asked({ best_of: null, n: null }).extra, asked({ n: 1 }).nativeOnly], [{}, {}, undefined]);
  });

  it("keeps for its own protocol what a chat cannot do", () => {
    const chats = "is not carried over to chats";
    for (const [change, path, message, text] of [
      [{ echo: true }, "echo", chats], [{ suffix: "b" }, "suffix", chats], [{ logprobs: 0 }, "logprobs", chats], [{ best_of: 2 }, "best_of", chats], [{ best_of: 3, n: 2 }, "best_of", chats],
      [{ prompt: ["a", "b"] }, "prompt", "several prompts at once are not carried over to chats", "a\nb"],
      ...[[1, 2], [[1], [2]], [1, [2]]].map((prompt) => [{ prompt }, "prompt", "token numbers are not carried over to chats; send the text", ""] as const),
    ] as const) {
      const { nativeOnly, extra, messages } = asked(change);
      assert.deepEqual([nativeOnly, extra[path], messages], [[{ path, message }], (change as Record<string, unknown>)[path], [{ role: "user", parts: [{ type: "text", text: text ?? "Hello" }] }]], JSON.stringify(change));
    }
    const one = asked({ prompt: ["a"] });
    assert.deepEqual([one.nativeOnly, one.messages[0]], [undefined, { role: "user", parts: [{ type: "text", text: "a" }] }]);
  });

  it("is refused with what is wrong with each field", () => {
    const whole = (least: number): string => `must be a whole number of at least ${least}`;
    for (const [change, path, message] of [
      [{ model: undefined }, "model", "is missing"], [{ model: "" }, "model", "must not be empty"], [{ prompt: undefined }, "prompt", "is missing"], [{ prompt: [] }, "prompt", "must not be empty"],
      ...[["a", 1], [1.5], [[1.5]], [["a"]], [null]].map((prompt) => [{ prompt }, "prompt", "must be a string, strings, or token numbers"] as const),
      [{ max_tokens: 0 }, "max_tokens", whole(1)], [{ n: 0 }, "n", whole(1)], [{ best_of: 0 }, "best_of", whole(1)], [{ logprobs: -1 }, "logprobs", whole(0)], [{ seed: 0.5 }, "seed", whole(Number.MIN_SAFE_INTEGER)],
      [{ temperature: 2.1 }, "temperature", "must be from 0 to 2"], [{ temperature: -0.1 }, "temperature", "must be from 0 to 2"], [{ top_p: 1.1 }, "top_p", "must be from 0 to 1"], [{ top_p: -0.1 }, "top_p", "must be from 0 to 1"],
      ...["frequency_penalty", "presence_penalty"].flatMap((name) => [-2.1, 2.1].map((value) => [{ [name]: value }, name, "must be from -2 to 2"] as const)),
      [{ stop: [""] }, "stop[0]", "must not be empty"], [{ stream: 1 }, "stream", "must be true or false, but is a number"], [{ echo: 1 }, "echo", "must be true or false, but is a number"], [{ suffix: 1 }, "suffix", "must be a string, but is a number"],
      [{ user: 1 }, "user", "must be a string, but is a number"], [{ stream_options: 1 }, "stream_options", "must be an object, but is a number"],
    ] as const) assert.equal(refusedFields("INVALID_REQUEST", () => asked(change))[path], message, JSON.stringify(change));
  });

  it("is answered with the text alone", () => {
    const given = (finish: FinishReason, parts: ChatAnswer["parts"], usage = unknownUsage): Record<string, unknown> => answer({ id: "x", model: "other", parts, finish, finishWord: null, stopSequence: null, usage } as ChatAnswer, frame, asked());
    const head = { id: "cmpl-1", object: "text_completion", created: 5, model: "m" };
    assert.deepEqual(given("stop", [{ type: "thinking", text: "Hm", signature: null }, { type: "text", text: "a" }, { type: "tool-call", id: "t", name: "f", arguments: "{}" }, { type: "refusal", text: "b" }]), { ...head, choices: [{ text: "ab", index: 0, logprobs: null, finish_reason: "stop" }] });
    for (const [finish, word] of [["length", "length"], ["tool-calls", "stop"], ["content-filter", "content_filter"]] as const) {
      assert.deepEqual(given(finish, [], { ...unknownUsage, inputTokens: 3, outputTokens: 4 }), { ...head, choices: [{ text: "", index: 0, logprobs: null, finish_reason: word }], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } });
    }
  });

  it("is streamed in chunks, with the usage of all events in the last where it was asked for", () => {
    const documents = (change: object): unknown[] => {
      const writer = stream(frame, asked({ stream: true, ...change }));
      const written = [
        writer.write({ type: "start", id: "1", model: "other" }), writer.write({ type: "usage", usage: { ...unknownUsage, inputTokens: 3 } }), writer.write({ type: "text", text: 'a"\n' }), writer.write({ type: "refusal", text: "b" }),
        writer.write({ type: "finish", finish: "tool-calls", finishWord: null, stopSequence: null }), writer.write({ type: "usage", usage: { ...unknownUsage, outputTokens: 4 } }), writer.end(() => []),
      ].join("");
      assert.match(written, /^(?:data: [^\n]+\n\n)+$/);
      return written.split("\n\n").slice(0, -1).map((event) => (event === "data: [DONE]" ? "done" : (JSON.parse(event.slice(6)) as unknown)));
    };
    const chunk = (text: string, finish: string | null, more: object = {}): object => ({ id: "cmpl-1", object: "text_completion", created: 5, model: "m", choices: [{ text, index: 0, logprobs: null, finish_reason: finish }], ...more });
    assert.deepEqual(documents({}), [chunk('a"\n', null), chunk("b", null), chunk("", "stop"), "done"]);
    const usage = { usage: null };
    assert.deepEqual(documents({ stream_options: { include_usage: true } }), [
      chunk('a"\n', null, usage), chunk("b", null, usage), chunk("", "stop", usage), { ...chunk("", null), choices: [], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } }, "done",
    ]);
    const silent = stream(frame, asked({ stream: true, stream_options: { include_usage: true } }));
    assert.match(silent.end(() => []), /"choices":\[\],"usage":null\}\n\ndata: \[DONE\]\n\n$/);
    const failure = new AppError("PROVIDER_STREAM_FAILED", "It broke.");
    assert.equal(silent.fail(failure, "req_1"), `data: ${JSON.stringify(error(failure, "req_1"))}\n\n`);
  });
});
