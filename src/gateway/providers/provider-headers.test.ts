import assert from "node:assert/strict";
import { it } from "node:test";
import { limitHeaders, processingHeaders, providerRequestId } from "./provider-headers.ts";

it("each name of a request's id, those of one provider first, and nothing that is no id", () => {
  const names = ["request-id", "apim-request-id", "x-amzn-requestid", "mistral-correlation-id", "x-request-id"];
  for (const [index, name] of names.entries()) assert.equal(providerRequestId(Object.fromEntries(names.slice(index).map((one) => [one, `of-${one}`]))), `of-${name}`);
  assert.equal(providerRequestId({ "request-id": "two words", "x-request-id": "req_1:a/b+c=" }), "req_1:a/b+c=");
  for (const id of ["", "a b", "a\nb", "x".repeat(129), "<b>"]) assert.equal(providerRequestId({ "x-request-id": id }), null);
  assert.equal(providerRequestId({}), null);
});

it("each header of limits in its form, and no other", () => {
  const words = ["limit", "remaining", "reset"];
  const passed = Object.fromEntries([
    ...["requests", "tokens"].flatMap((measure) => words.map((word) => [`x-ratelimit-${word}-${measure}`, "6m0s"])),
    ...["requests", "tokens", "input-tokens", "output-tokens"].flatMap((measure) => words.map((word) => [`anthropic-ratelimit-${measure}-${word}`, "2026-01-01T00:00:00Z"])),
  ]) as Record<string, string>;
  assert.deepEqual(limitHeaders({ ...passed, "set-cookie": "a", "x-ratelimit-limit-other": "1" }), passed);
  for (const value of ["", "a b", "<b>", "x".repeat(65)]) assert.deepEqual(limitHeaders({ "x-ratelimit-limit-tokens": value }), {});
});

it("how long the provider took, as a number of milliseconds", () => {
  assert.deepEqual(processingHeaders({ "openai-processing-ms": "12" }), { "openai-processing-ms": "12" });
  assert.deepEqual(processingHeaders({}), {});
  for (const ms of ["1.5", "", "1234567890", "12 s"]) assert.deepEqual(processingHeaders({ "openai-processing-ms": ms }), {});
});
