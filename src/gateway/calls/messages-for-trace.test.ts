import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isHeldBy } from "../../../test/kit/is-held-by.ts";
import { mostSearchesOf } from "../chats/chat-bounds.ts";
import { inputMessages, inputTexts, outputMessages } from "./messages-for-trace.ts";
import { chatProtocols } from "../protocols/index.ts";

const request = () => chatProtocols["openai-chat"].parse({ model: "m", messages: [{ role: "user", content: "Snow?" }], max_tool_calls: 2 });

describe("what a call's record asks when the call is over", () => {
  it("holds what it needs of the call and nothing else: the rest of each call would outlive it until its trace is written", async () => {
    assert.equal(await isHeldBy(request, (held) => () => held), true);
    assert.equal(await isHeldBy(request, inputMessages), false);
    assert.equal(await isHeldBy(request, mostSearchesOf), false);
    assert.equal(await isHeldBy(() => ({ texts: ["snow"] }), ({ texts }) => inputTexts(texts)), false);
    assert.equal(await isHeldBy(() => ({ parts: [], finish: "stop" as const }), outputMessages), false);
  });

  it("is the messages as the conventions have them", () => {
    assert.deepEqual(JSON.parse(inputMessages(request())()), [{ role: "user", parts: [{ type: "text", content: "Snow?" }] }]);
    assert.deepEqual(JSON.parse(inputTexts(["a", "b"])()), [{ role: "user", parts: [{ type: "text", content: "a" }, { type: "text", content: "b" }] }]);
    const cut = (["failed", "cancelled", null] as const).map((how) => JSON.parse(outputMessages({ parts: [], finish: "stop" }, how)()) as object);
    assert.deepEqual(cut, ["error", undefined, "stop"].map((reason) => [{ role: "assistant", parts: [], ...(reason === undefined ? {} : { finish_reason: reason }) }]));
    assert.deepEqual(JSON.parse(outputMessages({ parts: [{ type: "refusal", text: "No." }], finish: "stop" })()), [{ role: "assistant", parts: [{ type: "text", content: "No." }], finish_reason: "stop" }]);
  });
});
