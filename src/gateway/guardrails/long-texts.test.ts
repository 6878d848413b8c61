import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { unknownUsage, type ChatAnswer } from "../conversation/chat-answer.ts";
import { GuardrailSettings } from "../schemas.ts";
import { findPersonalData, type PersonalData, type PersonalDataType } from "./find-personal-data.ts";
import { Guardrails } from "./guardrails.ts";
import { charactersAtOnce } from "./long-texts.ts";
import { Redactor } from "./redactor.ts";

const all = new Set<PersonalDataType>(["email", "phone", "card", "iban", "ip", "ssn"]);
const said = (text: string): ChatAnswer => ({ id: "a", model: "m", parts: [{ type: "text", text }, { type: "tool-call", id: "c", name: "f", arguments: JSON.stringify({ text }) }], finish: "stop", finishWord: null, stopSequence: null, usage: unknownUsage });
/** A clock that moves on whenever it is looked at: each step is one after which others have their turn. */
const hurried = (): (() => number) => {
  let now = 0;
  return () => (now += 100);
};

describe("long texts", () => {
  it("hold the same personal data, wherever they are cut into steps", () => {
    const word = fc.constantFrom("a", ".", "@", "b.io", "ann@example.com", " ", "-", "(", ")", "+", "1", "12", "415", "555-2671", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "078-05-1120", "192.168.1.17", "::1", "0", ":", "é", "x".repeat(70));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), fc.integer({ min: 1, max: 30 }), (words, step) => {
        const text = words.join("");
        const found: PersonalData[] = [];
        for (let at = 0; at < text.length; ) {
          const until = Math.min(text.length, at + step);
          found.push(...findPersonalData(text, all, at, until));
          at = Math.max(until, found.at(-1)?.end ?? 0);
        }
        assert.deepEqual(found, findPersonalData(text, all));
      }),
      { numRuns: 500 },
    );
  });

  it("are redacted as short ones are, and leave others their turns", async () => {
    const part = "Ａｎｎ <ann@example.com> called +49 30 1234567; 4111 1111 1111 1111. ";
    const text = part.repeat(Math.ceil((4 * charactersAtOnce) / part.length));
    const call = new Guardrails([GuardrailSettings.parse({ kind: "pii" })]).begin({ worstCost: 0, monotonic: hurried(), classify: () => Promise.resolve({}) });
    let turns = 0;
    let isOver = false;
    const other = (): void => {
      turns++;
      if (!isOver) setImmediate(other);
    };
    setImmediate(other);
    const { parts } = await call.after(said(text));
    isOver = true;
    const expected = new Redactor().redact(text, all).text;
    assert.deepEqual(parts.map((each) => (each.type === "text" ? each.text : each.type === "tool-call" ? each.arguments : "")), [expected, JSON.stringify({ text: expected })]);
    assert.ok(turns >= 4, String(turns));
    assert.equal(call.reports[0]!.findings, (2 * 3 * text.length) / part.length);
  });

  it("are refused for what stands at the end of them, or over the end of a step", async () => {
    for (const place of [charactersAtOnce - 3, 3 * charactersAtOnce - 8]) {
      for (const settings of [{ kind: "pii", action: "block" }, { kind: "patterns", name: "p", patterns: ["absent", "b@b\\.io 😀$"] }] as const) {
        const rails = new Guardrails([GuardrailSettings.parse(settings)]);
        const begin = () => rails.begin({ worstCost: 0, monotonic: hurried(), classify: () => Promise.resolve({}) });
        const around = "é ".repeat(place / 2);
        await assert.rejects(begin().after(said(`${around}b@b.io 😀`)), { code: "CONTENT_BLOCKED" }, settings.kind);
        assert.deepEqual((await begin().after(said(`${around}b at b 😀`))).finish, "stop");
      }
    }
  });
});
