import assert from "node:assert/strict";
import { it } from "node:test";
import { emptyRequest } from "../protocols/answer-streams.fixture.ts";
import { RouteSettings } from "../schemas.ts";
import { mostSent, sentTo } from "./sent-chat.ts";

const turns = Array.from({ length: 9 }, (_, turn) => ({ role: turn % 2 === 0 ? ("user" as const) : ("assistant" as const), parts: [{ type: "text" as const, text: `${turn} ${"words of a long turn ".repeat(40)}` }] }));
const chat = emptyRequest({ messages: turns });
const settings = (limits: readonly (number | undefined)[], more: object = {}): RouteSettings =>
  RouteSettings.parse({ truncate: "oldest-first", ...more, targets: limits.map((maxContextTokens) => ({ provider: "p", model: "m", ...(maxContextTokens === undefined ? {} : { maxContextTokens }) })) });

it("what a call may cost is bounded by what the target with the most room gets", () => {
  const most = mostSent(chat, settings([1200, 2500, 900]));
  assert.deepEqual(most, sentTo(chat, { maxContextTokens: 2500 }, { truncate: "oldest-first" }));
  for (const maxContextTokens of [900, 1200]) {
    const less = sentTo(chat, { maxContextTokens }, { truncate: "oldest-first" });
    assert.ok(less.messages.length < most.messages.length && less.messages.every((message) => most.messages.includes(message)), `${less.messages.length} of ${most.messages.length}`);
  }
});

it("what a call may cost is bounded by all of it where a target may get all, or something else than is seen here", () => {
  const pii = { guardrails: [{ kind: "pii", action: "redact", types: ["email"] }] };
  for (const own of [settings([1200, undefined]), settings([1200], { truncate: "error" }), settings([1200], pii), settings([50]), settings([1_000_000])]) assert.equal(mostSent(chat, own), chat);
  // Behind a broken answer, the middle is another one.
  const asked = emptyRequest({ messages: turns, stream: false, output: { type: "json" } });
  assert.equal(mostSent(asked, settings([1200], { truncate: "middle-out", repair: 1 })), asked);
  for (const more of [{ truncate: "middle-out", repair: 0 }, { truncate: "oldest-first", repair: 1 }]) assert.notEqual(mostSent(asked, settings([1200], more)), asked);
  assert.notEqual(mostSent(chat, settings([1200], { guardrails: [{ kind: "max-cost", dollars: 1 }] })), chat);
});
