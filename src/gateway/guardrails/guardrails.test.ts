import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import { unknownUsage } from "../conversation/chat-answer.ts";
import { AnswerCollector, eventsOf, type ChatEvent } from "../conversation/chat-event.ts";
import type { AssistantPart, ChatRequest } from "../conversation/chat-request.ts";
import { GuardrailSettings } from "../schemas.ts";
import type { GuardContext } from "./guard.ts";
import { Guardrails } from "./guardrails.ts";

const context = (overrides: Partial<GuardContext> = {}): GuardContext => ({ worstCost: 0.01, monotonic: () => 0, classify: () => Promise.resolve({}), ...overrides });
const guards = (...settings: Parameters<typeof GuardrailSettings.parse>[0][]): Guardrails => new Guardrails(settings.map((one) => GuardrailSettings.parse(one)));
const request: ChatRequest = {
  messages: [{ role: "user", parts: [{ type: "text", text: "I am ada@example.com" }] }], tools: [], toolChoice: { type: "auto" }, parallelToolCalls: null, output: { type: "text" }, reasoning: null, stream: false, user: null, extra: {},
  sampling: { maxOutputTokens: null, temperature: null, topP: null, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null },
};
const answer = (...parts: AssistantPart[]): ChatAnswer => ({ id: "a", model: "m", parts, finish: "stop", finishWord: null, stopSequence: null, usage: unknownUsage });
const said = (text: string): ChatAnswer => answer({ type: "text", text });

async function streamed(guardrails: Guardrails, events: readonly ChatEvent[], around = context()): Promise<ChatAnswer> {
  const stream = guardrails.begin(around).stream();
  const collector = new AnswerCollector();
  for (const event of events) for (const given of stream.push(event)) collector.add(given);
  for (const given of await stream.end()) collector.add(given);
  return collector.answer();
}

describe("guardrails", () => {
  it("redact requests and answers with the same names, in texts, tool calls and results", async () => {
    const call = guards({ kind: "pii" }).begin(context());
    const before = await call.before({
      ...request, user: "ada@example.com",
      messages: [...request.messages, { role: "assistant", parts: [{ type: "tool-call", id: "c", name: "f", arguments: '{"to":"bob@example.com"}' }] }, { role: "tool", callId: "c", parts: [{ type: "text", text: "sent to ada@example.com" }], isError: false }],
    });
    assert.equal(before.user, "[EMAIL_1]");
    assert.deepEqual(before.messages.map(({ parts }) => parts.map((part) => ("text" in part ? part.text : "arguments" in part ? part.arguments : ""))), [["I am [EMAIL_1]"], ['{"to":"[EMAIL_2]"}'], ["sent to [EMAIL_1]"]]);
    const after = await call.after(answer({ type: "thinking", text: "bob@example.com", signature: "s" }, { type: "text", text: "eve@example.com" }));
    assert.deepEqual(after.parts, [{ type: "thinking", text: "[EMAIL_2]", signature: null }, { type: "text", text: "[EMAIL_3]" }]);
    assert.deepEqual(call.reports.map(({ kind, on, findings, action }) => [kind, on, findings, action]), [["pii", "input", 4, "redacted"], ["pii", "output", 2, "redacted"]]);
  });

  it("give back the same object where nothing was found", async () => {
    const call = guards({ kind: "pii", types: ["card"] }).begin(context());
    assert.equal(await call.before(request), request);
    const plain = said("nothing");
    assert.equal(await call.after(plain), plain);
  });

  it("block by kind, say which, and never tell what", async () => {
    for (const [settings, around] of [
      [{ kind: "pii", action: "block" }, context()], [{ kind: "patterns", name: "p", patterns: ["no", "\\bi\\s+am\\b"] }, context()], [{ kind: "max-cost", dollars: 0.005 }, context()], [{ kind: "max-cost", dollars: 5 }, context({ worstCost: null })],
      [{ kind: "classifier", name: "c", model: "m", blockLabels: ["bad"] }, context({ classify: () => Promise.resolve({ label: "bad" }) })], [{ kind: "classifier", name: "c", model: "m", blockAbove: 0.5 }, context({ classify: () => Promise.resolve({ score: 0.6 }) })],
    ] as const) {
      const call = guards(settings).begin(around);
      await assert.rejects(call.before(request), (error: Error & { code?: string }) => error.code === "CONTENT_BLOCKED" && !error.message.includes("ada"), settings.kind);
      assert.deepEqual(call.reports.map(({ action }) => action), ["blocked"]);
    }
  });

  it("let through what a classifier passes, hand it redacted text, and fail when it fails", async () => {
    const texts: string[] = [];
    const classify = (_: string, text: string): Promise<{ score: number }> => {
      texts.push(text);
      return Promise.resolve({ score: 0.1 });
    };
    const settings = [{ kind: "pii" }, { kind: "classifier", name: "c", model: "m", blockAbove: 0.5 }];
    await guards(...settings).begin(context({ classify })).before(request);
    assert.deepEqual(texts, ["I am [EMAIL_1]"]);
    await assert.rejects(guards(...settings).begin(context({ classify: () => Promise.reject(new Error("down")) })).before(request), /down/);
    const missing = new AppError("MODEL_NOT_FOUND", "There is no model m.");
    await assert.rejects(guards(...settings).begin(context({ classify: () => Promise.reject(missing) })).before(request), { code: "GUARDRAIL_UNAVAILABLE", message: "The guardrail c could not ask its model m: There is no model m." });
  });

  it("see patterns through letters that look alike, marks on letters, ligatures and control characters, in pieces too", async () => {
    const rails = guards({ kind: "patterns", name: "p", patterns: ["secret", "\\bfilm\\b", "café", "запрет"] });
    const hidden = ["sесret", "sеcrеt", "ѕecret", "SΕCRΕT", "s\u0301e\u0335c\u20ddret", "śéčŕêt", "𝓼𝓮𝓬𝓻𝓮𝓽", "ⓢⓔⓒⓡⓔⓣ", "🆂🅴🅲🆁🅴🆃", "sec\u0008ret", "s\ud800ecret", "a ﬁlm", "ꜱᴇᴄʀᴇᴛ", "CAFÉ", "запрет", "ЗАПРЕТ"];
    for (const text of hidden) {
      await assert.rejects(rails.begin(context()).before({ ...request, messages: [{ role: "user", parts: [{ type: "text", text: `so ${text}!` }] }] }), { code: "CONTENT_BLOCKED" }, text);
      await assert.rejects(rails.begin(context()).after(said(`so ${text}!`)), { code: "CONTENT_BLOCKED" }, text);
      const events = Array.from(`so ${text}!`).map((character): ChatEvent => ({ type: "text", text: character }));
      await assert.rejects(streamed(rails, events), { code: "CONTENT_BLOCKED" }, text);
    }
    const fine = "secrés, thé, секрет, 日本語, 비밀, filme\u0301 🎈";
    assert.deepEqual(await rails.begin(context()).after(said(fine)), said(fine));
    assert.deepEqual((await streamed(rails, Array.from(fine).map((character): ChatEvent => ({ type: "text", text: character })))).parts, said(fine).parts);
    // What is redacted is cut out of the text as it was written.
    const redacted = await guards({ kind: "pii" }).begin(context()).after(said("é\u0301 ѕо ada@example.com\u0301 ｅｖｅ@example.com 🆂"));
    assert.deepEqual(redacted.parts, said("é\u0301 ѕо [EMAIL_1] [EMAIL_2] 🆂").parts);
  });

  it("see patterns through zero-width characters, other widths and escapes in arguments", async () => {
    const rails = guards({ kind: "patterns", name: "p", patterns: ["secret"] });
    for (const text of ["s\u200becret", "ＳＥＣＲＥＴ"]) await assert.rejects(rails.begin(context()).after(said(text)), { code: "CONTENT_BLOCKED" });
    const hidden = answer({ type: "tool-call", id: "c", name: "f", arguments: '{"a":"\\u0073ecret"}' });
    await assert.rejects(rails.begin(context()).after(hidden), { code: "CONTENT_BLOCKED" });
    await assert.rejects(streamed(rails, eventsOf(hidden)), { code: "CONTENT_BLOCKED" });
  });

  it("refuse settings with patterns that cannot be used, with their places", () => {
    assert.throws(() => guards({ kind: "pii" }, { kind: "patterns", name: "p", patterns: ["fine", "(a)\\1"] }), { code: "INVALID_REQUEST", problems: [{ path: "guardrails[1].patterns[1]", message: "back-references are not supported at character 4" }] });
  });
});

describe("guarded streams", () => {
  const texts = [
    "Mail ada@example.com or call +49 (30) 1234567, card 4111 1111 1111 1111 12. IBAN GB82 WEST 1234 5698 7654 32 and 078-05-1120!", "連絡先はada@example.comです。カード４１１１ １１１１ １１１１ １１１１。", "4\u200b111 1111\u00ad 1111 1111 😀 a@b.io😀", "10.0.0.1, 2001:db8::1 and 12:34:56 at 01.02.2024",
    "ends in ada@example.co", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 078-05-1120 21 22",
  ];
  const rails = guards({ kind: "pii", types: ["email", "phone", "card", "iban", "ip", "ssn"] });

  it("redact the same as the whole, cut at every place", async () => {
    for (const text of texts) {
      const whole = await rails.begin(context()).after(said(text));
      for (let cut = 0; cut <= text.length; cut++) {
        const events: ChatEvent[] = [{ type: "start", id: "a", model: "m" }, { type: "text", text: text.slice(0, cut) }, { type: "text", text: text.slice(cut) }, ...eventsOf(said("")).slice(2)];
        assert.deepEqual((await streamed(rails, events)).parts, whole.parts, `${text} at ${cut}`);
      }
      const units = text.split("").map((unit): ChatEvent => ({ type: "text", text: unit }));
      assert.deepEqual((await streamed(rails, [...units, ...eventsOf(said("")).slice(2)])).parts, whole.parts, text);
    }
  });

  it("redact the same as the whole, for random texts of what matters in random pieces", async () => {
    const word = fc.constantFrom("a@b.io", "4111", "1111", "078", "05", "1120", "-", ".", " ", "  ", "+49", "(030)", "DE89", "3704 0044 0532 0130 00", "x", "hello ", "\n", "10.0.0.1", "::1", "@", ":", "\u200b", "é", "字", "😀", "WEST");
    await fc.assert(fc.asyncProperty(fc.array(fc.array(word, { maxLength: 6 }).map((words) => words.join("")), { maxLength: 8 }), async (pieces) => {
      const whole = await rails.begin(context()).after(said(pieces.join("")));
      const parts = (await streamed(rails, [...pieces.map((text): ChatEvent => ({ type: "text", text })), ...eventsOf(said("")).slice(2)])).parts;
      assert.equal(parts.map((part) => ("text" in part ? part.text : "")).join(""), whole.parts.map((part) => ("text" in part ? part.text : "")).join(""), JSON.stringify(pieces));
    }), { numRuns: 200 });
  });

  it("give prose at once but for its last word, and hold no more than their bound", () => {
    const stream = rails.begin(context()).stream();
    assert.deepEqual(stream.push({ type: "text", text: "Hello there, how are" }), [{ type: "text", text: "Hello there, how " }]);
    assert.deepEqual(stream.push({ type: "text", text: " you" }), [{ type: "text", text: "are " }]);
    let given = 0;
    for (let index = 0; index < 1000; index++) {
      for (const event of stream.push({ type: "text", text: "abcdefghij" })) given += event.type === "text" ? event.text.length : 0;
      assert.ok(index * 10 - given < 700, `${index * 10} came, ${given} were given`);
    }
  });

  it("block a pattern over pieces before any of it was given, and give nothing from then on", async () => {
    const stream = guards({ kind: "patterns", name: "p", patterns: ["secret project"] }).begin(context()).stream();
    assert.deepEqual(stream.push({ type: "text", text: "the sec" }).map((event) => event.type === "text" && event.text.includes("s")), []);
    assert.throws(() => stream.push({ type: "text", text: "ret projects are" }), { code: "CONTENT_BLOCKED" });
    assert.deepEqual([...stream.push({ type: "text", text: "more" }), ...(await stream.end())], []);
    const other = guards({ kind: "patterns", name: "p", patterns: ["secret project"] }).begin(context()).stream();
    assert.deepEqual(other.push({ type: "text", text: "the second" }), [{ type: "text", text: "the second" }]);
  });

  it("hold tool arguments until the model is done, and drop the signature of thinking that changed", async () => {
    const whole = answer({ type: "thinking", text: "about ada@example.com", signature: "s" }, { type: "thinking", text: "fine", signature: "t" }, { type: "text", text: "ok" }, { type: "tool-call", id: "c", name: "f", arguments: '{"card":4111111111111111}' });
    const expected = (await rails.begin(context()).after(whole)).parts;
    const events = eventsOf(whole).flatMap((event): ChatEvent[] => ("text" in event ? event.text.split("").map((text) => ({ ...event, text })) : [event]));
    const parts = (await streamed(rails, events)).parts;
    // Two thoughts whose first lost its signature run together.
    assert.deepEqual(parts.at(-1), expected.at(-1));
    assert.deepEqual(parts[0], { type: "thinking", text: "about [EMAIL_1]fine", signature: "t" });
  });

  it("hold everything for a classifier, and then give all or nothing", async () => {
    const settings = { kind: "classifier", name: "c", model: "m", on: "output", blockAbove: 0.5 };
    for (const score of [0.1, 0.9]) {
      const stream = guards(settings).begin(context({ classify: () => Promise.resolve({ score }) })).stream();
      const events = eventsOf(said("hello"));
      assert.deepEqual(events.flatMap((event) => stream.push(event)).map(({ type }) => type), ["start"]);
      if (score > 0.5) await assert.rejects(stream.end(), { code: "CONTENT_BLOCKED" });
      else assert.deepEqual((await stream.end()).map(({ type }) => type), ["text", "usage", "finish"]);
    }
  });
});
