import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import { answerKey, semanticQuestion, type AnswerScope } from "./answer-key.ts";
import { chatOf, messagesArbitrary } from "./chats.fixture.ts";

const scope: AnswerScope = { team: "red", keyScope: "", route: "fast", targets: ["openai/a", "anthropic/b"] };

/** The same value with the keys of every object in another order. */
function turned<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map((item: unknown) => turned(item)) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([name, member]) => [name, turned(member as unknown)])) as Value;
}

describe("answerKey", () => {
  it("minds neither the order of keys nor what JSON it was read from", () => {
    fc.assert(
      fc.property(messagesArbitrary, fc.dictionary(fc.string(), fc.jsonValue()), (messages, more) => {
        const request = chatOf({ messages, extra: { ...more, logit_bias: { 1: 2, 3: 4 } }, output: { type: "schema", name: "x", schema: more, strict: true } });
        const key = answerKey(scope, request);
        assert.equal(answerKey({ ...scope, targets: [...scope.targets].reverse() }, turned(request)), key);
        assert.equal(answerKey(scope, JSON.parse(JSON.stringify(request, null, 3)) as ChatRequest), key);
      }),
      { numRuns: 60 },
    );
  });

  it("minds nothing that says nothing to the model", () => {
    const key = answerKey(scope, chatOf());
    const extra = { user: "x", stream: true, stream_options: { include_usage: true }, metadata: { a: "b" }, safety_identifier: "s", prompt_cache_key: "k" };
    for (const change of [{ stream: true }, { user: "somebody" }, { extra }]) assert.equal(answerKey(scope, chatOf(change)), key);
    const marked = chatOf();
    assert.equal(
      answerKey(scope, {
        ...marked,
        messages: [{ role: "system", parts: [{ type: "text", text: "Be brief.", cache: { ttl: "5m" } }] }, marked.messages[1]!],
        tools: marked.tools.map((tool) => ({ ...tool, cache: {} })),
      }),
      key,
    );
  });

  it("changes with everything that does", () => {
    const { messages, tools, sampling } = chatOf();
    const changes: Partial<ChatRequest>[] = [
      {}, { messages: messages.slice(1) }, { messages: [messages[1]!, messages[0]!] }, { messages: [...messages, messages[1]!] }, { messages: [messages[0]!, { ...messages[1]!, name: "ann" } as (typeof messages)[0]] },
      { tools: [] }, { tools: [...tools, { name: "other", parameters: {} }] }, { tools: [{ ...tools[0]!, name: "find" }] }, { tools: [{ ...tools[0]!, description: "x" }] },
      { tools: [{ ...tools[0]!, parameters: {} }] }, { tools: [{ ...tools[0]!, strict: true }] },
      ...(["none", "required"] as const).map((type) => ({ toolChoice: { type } })), { toolChoice: { type: "tool", name: "search" } }, { parallelToolCalls: true }, { parallelToolCalls: false },
      { output: { type: "json" } }, { output: { type: "schema", name: "x", schema: {}, strict: true } }, { output: { type: "schema", name: "x", schema: {}, strict: false } }, { output: { type: "schema", name: "x", schema: { a: 1 }, strict: true } },
      ...(["maxOutputTokens", "temperature", "topP", "topK", "seed", "frequencyPenalty", "presencePenalty"] as const).map((name) => ({ sampling: { ...sampling, [name]: 0.25 } })),
      { sampling: { ...sampling, temperature: null } }, { sampling: { ...sampling, stop: [] } }, { sampling: { ...sampling, stop: ["E", "ND"] } },
      { reasoning: {} }, { reasoning: { effort: "low" } }, { reasoning: { budgetTokens: 100 } }, { extra: { logprobs: true } }, { extra: { logprobs: false } }, { extra: { n: 2 } },
    ];
    const scopes: AnswerScope[] = [
      { ...scope, team: "blue" }, { ...scope, keyScope: "key_1" }, { ...scope, route: "slow" }, { ...scope, targets: ["openai/a"] }, { ...scope, team: "", keyScope: "red" }, { ...scope, targets: ["openai/a,anthropic/b"] },
    ];
    const keys = [...changes.map((change) => answerKey(scope, chatOf(change))), ...scopes.map((other) => answerKey(other, chatOf()))];
    assert.equal(new Set(keys).size, changes.length + scopes.length);
  });

  it("is the same for two conversations only when they are the same", () => {
    fc.assert(
      fc.property(messagesArbitrary, messagesArbitrary, (first, second) => {
        const same = JSON.stringify(turned(first)) === JSON.stringify(turned(second));
        assert.equal(answerKey(scope, chatOf({ messages: first })) === answerKey(scope, chatOf({ messages: second })), same);
      }),
      { numRuns: 100 },
    );
  });

  it("sees any one character of a text", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 200 }), fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (text, place, character) => {
        const at = place % text.length;
        const other = text.slice(0, at) + character + text.slice(at + 1);
        const keyOf = (said: string): string => answerKey(scope, chatOf({ messages: [{ role: "user", parts: [{ type: "text", text: said }] }] }));
        assert.equal(keyOf(text) === keyOf(other), text === other);
        assert.notEqual(keyOf(text), keyOf(`${text} `));
      }),
      { numRuns: 60 },
    );
  });

  it("keeps parts apart wherever a text is cut", () => {
    const keyOf = (...texts: string[]): string => answerKey(scope, chatOf({ messages: [{ role: "user", parts: texts.map((text) => ({ type: "text", text })) }] }));
    assert.equal(new Set([keyOf("ab"), keyOf("a", "b"), keyOf("a\"\"b"), keyOf("", "ab"), keyOf("ab", "")]).size, 5);
  });
});

describe("semanticQuestion", () => {
  const ask = (text: string, change: Partial<ChatRequest> = {}): ReturnType<typeof semanticQuestion> =>
    semanticQuestion(scope, chatOf({ messages: [chatOf().messages[0]!, { role: "user", parts: [{ type: "text", text }] }], ...change }));

  it("has one scope for different texts, and another for anything else that differs", () => {
    assert.equal(ask("How?")?.scope, ask("What?")?.scope);
    assert.equal(ask("How?")?.text, "How?");
    const scopes = [ask("How?"), ask("How?", { tools: [] }), ask("How?", { sampling: { ...chatOf().sampling, temperature: 1 } }), ask("How?", { messages: [{ role: "user", parts: [{ type: "text", text: "How?" }] }] })];
    assert.equal(new Set(scopes.map((question) => question?.scope)).size, scopes.length);
    assert.notEqual(semanticQuestion({ ...scope, team: "blue" }, chatOf())?.scope, semanticQuestion(scope, chatOf())?.scope);
  });

  it("is none for what is not one short text of the user at the end", () => {
    const image = { type: "image", source: { kind: "url", url: "https://example.com/a.png" } } as const;
    for (const messages of [
      [], [{ role: "user", parts: [{ type: "text", text: "a" }, image] }], [{ role: "user", parts: [image] }], [{ role: "user", parts: [{ type: "text", text: "x".repeat(1001) }] }],
      [{ role: "user", parts: [{ type: "text", text: "a" }] }, { role: "assistant", parts: [{ type: "text", text: "b" }] }], [{ role: "tool", callId: "c", parts: [{ type: "text", text: "a" }], isError: false }],
    ] satisfies ChatRequest["messages"][]) {
      assert.equal(semanticQuestion(scope, chatOf({ messages })), null);
    }
  });
});
