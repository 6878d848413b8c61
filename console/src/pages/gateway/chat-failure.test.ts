import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chatFailure, failureOfChat } from "./chat-failure.ts";

describe("what failed in the playground", () => {
  const said = ({ code, message, hint }: ReturnType<typeof chatFailure>): string[] => [code, message, hint];

  it("is said with the catalogue's code, and with its hint apart from the message", () => {
    const [message, hint] = ["The budget of the route poor for this day is $0.0000001: $0.00 are spent, and this call may cost $0.0148.", "The budget that the message names is used up; `slipway budgets list` tells how far."];
    const headers = new Headers({ "X-Error-Code": "BUDGET_EXCEEDED" });
    assert.deepEqual(said(failureOfChat({ status: 402, headers }, { error: { message: `${message} ${hint}`, type: "insufficient_quota", code: "insufficient_quota" } })), ["BUDGET_EXCEEDED", message, hint]);
    assert.deepEqual(said(chatFailure(0, "provider_stream_failed", "The provider broke off its answer. Ask again.")), ["PROVIDER_STREAM_FAILED", "The provider broke off its answer.", "Ask again."]);
  });

  it("is whole where it is one sentence, or what stands behind a dot is none", () => {
    for (const text of ["No.", "overloaded", "openai/gpt-5.1 is at v1. 5 of it failed", "a.b: c e.g. this"]) assert.deepEqual(said(chatFailure(0, "x", text)), ["X", text, ""]);
  });

  it("is read without the header, and from answers that are not the gateway's", () => {
    assert.equal(failureOfChat({ status: 400, headers: new Headers() }, { error: { message: "No.", type: "invalid_request_error", code: null } }).code, "INVALID_REQUEST_ERROR");
    for (const body of [null, { error: {} }]) assert.equal(failureOfChat({ status: 502, headers: new Headers() }, body).code, "HTTP 502");
  });
});
