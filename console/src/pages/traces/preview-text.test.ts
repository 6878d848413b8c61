import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { previewText } from "./preview-text.ts";

describe("previewText", () => {
  it("names the tools of an answer that only calls them, also where it is cut", () => {
    const answer = JSON.stringify([{ role: "assistant", parts: [{ type: "tool_call", id: "call_1", name: "find_order", arguments: { name: "ann" } }, { type: "tool_call", id: "call_2", name: "refund", arguments: "{}" }] }]);
    assert.equal(previewText(answer), "calls find_order, refund");
    assert.equal(previewText(answer.slice(0, 90)), "calls find_order");
  });

  it("leaves all else as it came", () => {
    for (const text of ["hello", "", "[1, 2]", '{"order": 1187}', '[{"role":"assistant","parts":[{"type":"tool_call","id":"cal']) assert.equal(previewText(text), text);
  });
});
