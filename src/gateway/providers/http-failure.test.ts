import assert from "node:assert/strict";
import { it } from "node:test";
import { readHttpFailure } from "./http-failure.ts";

const failure = (status: number, body: unknown = {}, headers: Readonly<Record<string, string>> = {}) => readHttpFailure(status, headers, Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));

it("each status says what it is where no word does", () => {
  for (const [status, kind] of [[400, "invalid"], [401, "unauthorized"], [402, "quota"], [403, "unauthorized"], [404, "not-found"], [408, "failed"], [409, "failed"], [413, "context-length"], [415, "invalid"], [422, "invalid"], [425, "failed"], [429, "rate-limited"], [500, "failed"], [502, "failed"], [503, "overloaded"], [504, "failed"], [529, "overloaded"]] as const) {
    assert.deepEqual(failure(status, "<html>"), { status, message: `It answered with status ${status} and no message of its own.`, code: null, kind, retryAfterMs: null });
  }
});

it("each word in codes, types and messages counts where the status leaves it open", () => {
  const words = {
    quota: ["insufficient_quota", "Billing hard limit", "Your credit balance is too low", "quota_exceeded", "You exceeded your current quota", "Insufficient Balance", "insufficient_balance"],
    "context-length": ["context_length_exceeded", "the context length is 9", "exceed_context_size_error", "the available context size", "context window", "Prompt is too long", "too many tokens", "request_too_large", "maximum context", "string_above_max_length", "too large for model"],
    "content-filter": ["content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation", "Azure's content management policy", "safety_violation", "moderation_blocked"],
    overloaded: ["overloaded_error", "service_tier_capacity_exceeded", "Server is busy", "no healthy upstream"],
  } as const;
  for (const [kind, list] of Object.entries(words)) {
    for (const word of list) {
      for (const body of [{ error: { message: word } }, { error: { code: word } }, { error: { type: word } }, { type: word }, { message: word }, { error: word }, { detail: word }]) assert.equal(failure(500, body).kind, kind, JSON.stringify(body));
      assert.equal(failure(400, { error: { message: word } }).kind, kind === "overloaded" ? "invalid" : kind, word);
      assert.equal(failure(429, { error: { message: word } }).kind, kind === "quota" ? "quota" : kind === "overloaded" ? "overloaded" : "rate-limited", word);
      assert.equal(failure(404, { error: { message: word } }).kind, "not-found", word);
    }
  }
  assert.equal(failure(400, { error: { message: "no", innererror: { code: "ResponsibleAIPolicyViolation" } } }).kind, "content-filter");
});

it("the provider's word and message, in each place where they may stand", () => {
  for (const [body, code, message] of [
    [{ error: { innererror: { code: "i" }, code: "c", type: "t", message: "m" } }, "i", "m"], [{ error: { code: "c", type: "t" }, code: "d" }, "c", ""], [{ error: { code: 400, type: "t" } }, "t", ""], [{ error: { type: "" }, code: "d", type: "u" }, "d", ""], [{ type: "u", message: "n" }, "u", "n"],
    [{ error: "e", message: "n" }, null, "e"], [{ detail: "d" }, null, "d"], [{ detail: [{ loc: ["body", 0, "n"], msg: "extra" }, { msg: "more" }] }, null, "body.0.n: extra; : more"], [{ message: { detail: [{ loc: ["a", {}], msg: "b" }] } }, null, "a: b"], [{ detail: Array.from({ length: 7 }, () => ({ loc: ["a"], msg: "b" })) }, null, Array.from({ length: 5 }, () => "a: b").join("; ")],
    [{ error: { code: "x".repeat(150) } }, "x".repeat(100), ""], [[], null, ""],
  ] as const) {
    const read = failure(400, body);
    assert.deepEqual([read.code, read.message], [code, message || "It answered with status 400 and no message of its own."], JSON.stringify(body));
  }
  assert.equal(failure(429, {}, { "retry-after": "2" }).retryAfterMs, 2000);
});
