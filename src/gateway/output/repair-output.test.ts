import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { AppError } from "../../core/errors.ts";
import { unknownUsage, type ChatAnswer, type FinishReason } from "../conversation/chat-answer.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import { compileSchema } from "./compile-schema.ts";
import { extractJson } from "./extract-json.ts";
import { RepairRounds } from "./repair-output.ts";

const request: ChatRequest = {
  messages: [{ role: "user", parts: [{ type: "text", text: "how old?" }] }], tools: [], toolChoice: { type: "auto" }, parallelToolCalls: null, reasoning: null, stream: false, user: null, extra: {},
  output: { type: "schema", name: "o", schema: { type: "object", properties: { age: { type: "integer" } }, required: ["age"] }, strict: true },
  sampling: { maxOutputTokens: null, temperature: null, topP: null, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null },
};
const answer = (text: string, finish: FinishReason = "stop"): ChatAnswer => ({ id: "a", model: "m", parts: [{ type: "text", text }], finish, finishWord: null, stopSequence: null, usage: { ...unknownUsage, inputTokens: 10, outputTokens: 3 } });
const check = (schema: Readonly<Record<string, unknown>>, text: string): Promise<ReturnType<ReturnType<typeof compileSchema>>> => Promise.resolve(compileSchema(schema)(JSON.parse(text)));

describe("JSON in what a model wrote", () => {
  it("is found in fences, between words and with commas too many, and never closed for it", () => {
    for (const [text, expected] of [
      ['{"a":1}', '{"a":1}'], [' [1] \n', "[1]"], ["3", "3"], ['```json\n{"a":1}\n```', '{"a":1}'], ['Here it is: {"a":"}"} Enjoy {this}!', '{"a":"}"}'], ['{"a":[1,2,],}', '{"a":[1,2]}'], ['{"a":"x,}",}', '{"a":"x,}"}'], ["use [this] {\"a\":1}", '{"a":1}'], ['{"a":1 , \n}', '{"a":1  \n}'],
    ] as const) {
      const found = extractJson(text);
      assert.equal(found.found && found.text, expected, text);
    }
    for (const text of ["", "no", '{"a":1', '```json\n{"a":[1,2', "{'a':1}", '{"a":1,,}', "{a"]) assert.equal(extractJson(text).found, false, text);
    assert.deepEqual(extractJson('{"a":{'), { found: false, message: "is not closed: the JSON ends in the middle" });
  });

  it("is found again, whatever stands around it", () => {
    fc.assert(fc.property(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())), fc.constantFrom("", "Sure:\n```json\n", "It is "), (value, before) => {
      const found = extractJson(`${before}${JSON.stringify(value)}${before === "" ? "" : "\n``` done"}`);
      assert.ok(found.found);
      assert.deepEqual(JSON.stringify(found.value), JSON.stringify(value));
    }), { numRuns: 150 });
  });
});

describe("repair rounds", () => {
  it("give a valid answer as it came, or without what stands around it", async () => {
    const plain = answer('{"age":3}');
    assert.deepEqual(await new RepairRounds(request, 1, check).next(plain), { do: "give", answer: plain, changed: false });
    const step = await new RepairRounds(request, 1, check).next(answer('```json\n{"age":3}\n```'));
    assert.deepEqual(step.do === "give" && [step.answer.parts, step.changed], [[{ type: "text", text: '{"age":3}' }], true]);
  });

  it("ask again with the answer and what is wrong with it, as often as they may, and add up what it cost", async () => {
    const rounds = new RepairRounds(request, 2, check);
    const first = await rounds.next(answer('{"age":"three"}'));
    assert.ok(first.do === "ask");
    assert.deepEqual(first.request.messages.map(({ role }) => role), ["user", "assistant", "user"]);
    assert.match(JSON.stringify(first.request.messages[2]), /- \$\.age must be of type integer/);
    const second = await rounds.next(answer("sorry"));
    assert.ok(second.do === "ask");
    assert.equal(second.request.messages.length, 3);
    const last = await rounds.next(answer('{"age":3}'));
    assert.ok(last.do === "give");
    assert.deepEqual([last.answer.usage.inputTokens, last.answer.usage.outputTokens, last.answer.usage.cacheReadTokens], [30, 9, null]);
    assert.equal(rounds.repairs, 2);
  });

  it("fail with the problems when no round is left", async () => {
    const rounds = new RepairRounds(request, 1, check);
    await rounds.next(answer("{}"));
    await assert.rejects(rounds.next(answer("{}")), { code: "STRUCTURED_OUTPUT_INVALID", problems: [{ path: "$", message: 'lacks the property "age"' }], message: /asked for again once/ });
    assert.deepEqual([rounds.usage.inputTokens, rounds.usage.longestInputTokens], [20, 10]);
    // Nor is one said to have been asked again that was not, as in streams.
    await assert.rejects(new RepairRounds(request, 0, check).next(answer("{}")), ({ code, message, hint }: AppError) => code === "STRUCTURED_OUTPUT_INVALID" && !/(when|was) asked( for)? again/.test(message + hint));
  });

  it("have the cost that the provider tells where it tells that of each round", () => {
    const spent = (...costs: (number | undefined)[]): number | undefined => {
      const round = new RepairRounds(request, 1, check);
      for (const toldCost of costs) round.spend({ ...answer("").usage, ...(toldCost === undefined ? {} : { toldCost }) });
      return round.usage.toldCost;
    };
    assert.deepEqual([spent(0.5), spent(0.5, 0.25), spent(0.5, undefined), spent(undefined, 0.5)], [0.5, 0.75, undefined, undefined]);
  });

  it("fail at once where the answer was cut, also when it looks whole", async () => {
    await assert.rejects(new RepairRounds(request, 5, check).next(answer('{"age":3}', "length")), { code: "STRUCTURED_OUTPUT_INVALID", message: /ends in the middle/ });
  });

  it("leave alone what is no answer in the format: tool calls, refusals, filters, plain text", async () => {
    const calls: ChatAnswer = { ...answer(""), parts: [{ type: "tool-call", id: "c", name: "f", arguments: "{" }], finish: "tool-calls" };
    for (const [asked, given] of [[request, calls], [request, { ...answer(""), parts: [{ type: "refusal" as const, text: "no" }] }], [request, answer("", "content-filter")], [{ ...request, output: { type: "text" as const } }, answer("x", "length")]] as const) {
      assert.equal((await new RepairRounds(asked, 1, check).next(given)).do, "give");
    }
    const json = { ...request, output: { type: "json" as const } };
    assert.equal((await new RepairRounds(json, 1, check).next(answer("[1]"))).do, "ask");
    assert.equal((await new RepairRounds(json, 1, check).next(answer("{}"))).do, "give");
  });

  it("hold each of several choices to its format, and ask for none of them again", async () => {
    const several = { ...request, extra: { n: 2 } };
    const beside = (first: string, text: string, finish: FinishReason = "stop"): ChatAnswer => ({ ...answer(first), others: [{ parts: [{ type: "text", text }], finish }] });
    const good = beside('{"age":3}', '{"age":4}');
    assert.deepEqual(await new RepairRounds(several, 1, check).next(good), { do: "give", answer: good, changed: false });
    for (const [given, path, message] of [
      [beside('{"age":3}', '{"age":"four"}'), "choices[1].age", /integer/], [beside("{}", '{"age":4}'), "choices[0]", /lacks/], [beside('{"age":3}', '{"age":4', "length"), "choices[1]", /cut/],
      [beside('{"age":3}', 'Here: {"age":4}'), "choices[1]", /other text/], [beside('{"age":3}', "sorry"), "choices[1]", /./],
    ] as const) {
      const rounds = new RepairRounds(several, 5, check);
      await assert.rejects(rounds.next(given), (error: { code: string; problems: { path: string; message: string }[] }) => {
        assert.deepEqual([error.code, error.problems.map((problem) => problem.path)], ["STRUCTURED_OUTPUT_INVALID", [path]]);
        assert.match(error.problems[0]!.message, message);
        return true;
      });
      assert.equal(rounds.usage.inputTokens, 10);
    }
    const refused: ChatAnswer = { ...answer('{"age":3}'), others: [{ parts: [{ type: "refusal", text: "no" }], finish: "stop" }, { parts: [], finish: "content-filter" }] };
    assert.equal((await new RepairRounds(several, 1, check).next(refused)).do, "give");
    // What nobody asked for goes to nobody.
    assert.equal((await new RepairRounds(request, 1, check).next(beside('{"age":3}', "sorry"))).do, "give");
  });

  it("counts rounds that were never whole", async () => {
    const rounds = new RepairRounds(request, 1, check);
    rounds.spend({ ...unknownUsage, outputTokens: 5 });
    assert.equal(rounds.askAgain(answer('{"x'), [{ path: "$", message: "is wrong" }]).do, "ask");
    const last = await rounds.next(answer('{"age":3}'));
    assert.equal(last.do === "give" && last.answer.usage.outputTokens, 8);
  });
});
