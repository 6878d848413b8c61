import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { failureOfTurn, prettyText, readPart, turnOf } from "./message-parts.ts";

const said = (role: string, content: string) => ({ role, parts: [{ type: "text", content }], finishReason: null });
const span = { parentSpanId: "a", inputMessages: null, outputMessages: null, input: null, output: null };

describe("readPart", () => {
  it("reads text, reasoning, calls of tools and their results", () => {
    assert.deepEqual(readPart({ type: "text", content: "hi" }), { kind: "text", text: "hi" });
    assert.deepEqual(readPart({ type: "reasoning", content: "hm" }), { kind: "reasoning", text: "hm" });
    assert.deepEqual(readPart({ type: "tool_call", id: "c1", name: "search", arguments: { q: 1 } }), { kind: "call", id: "c1", name: "search", input: '{\n  "q": 1\n}' });
    assert.deepEqual(readPart({ type: "tool_call", id: null, name: "f", arguments: '{"q":' }), { kind: "call", id: "", name: "f", input: '{"q":' });
    assert.deepEqual(readPart({ type: "tool_call_response", id: "c1", response: "[1]" }), { kind: "result", id: "c1", output: "[\n  1\n]" });
  });

  it("names images and never shows their data", () => {
    assert.deepEqual(readPart({ type: "uri", modality: "image", uri: "https://a.example/b.png" }), { kind: "media", what: "image", source: "https://a.example/b.png" });
    assert.deepEqual(readPart({ type: "uri", modality: "image", uri: `data:image/png;base64,${"A".repeat(4000)}` }), { kind: "media", what: "image", source: "image/png, 3 kB" });
    assert.deepEqual(readPart({ type: "blob", modality: "audio", mime_type: "audio/wav", content: "AAAA" }), { kind: "media", what: "audio", source: "audio/wav, 3 B" });
    // The gateway says no more of one at an address.
    assert.deepEqual([{ mime_type: "image/png" }, {}].map((part) => readPart({ type: "blob", modality: "image", ...part })), [{ kind: "media", what: "image", source: "image/png, not kept here" }, { kind: "media", what: "image", source: "not kept here" }]);
  });

  it("keeps what it does not know readable", () => {
    assert.deepEqual(readPart({ type: "video_call", a: 1 }), { kind: "other", type: "video_call", text: '{\n  "type": "video_call",\n  "a": 1\n}' });
    assert.equal(prettyText("{no json"), "{no json");
  });
});

describe("turnOf", () => {
  it("takes what is new since the model's last answer", () => {
    const spans = [span, { ...span, inputMessages: [said("system", "s"), said("user", "1"), said("assistant", "one"), said("user", "2")], outputMessages: [said("assistant", "two")] }];
    assert.deepEqual(turnOf(spans), { asked: [said("user", "2")], answered: [said("assistant", "two")] });
    assert.deepEqual(turnOf([{ ...span, inputMessages: [said("system", "s"), said("user", "1")], outputMessages: [said("assistant", "one")] }])!.asked, [said("user", "1")]);
  });

  it("keeps a call of a tool with its result in the turn of the question", () => {
    const call = { role: "assistant", parts: [{ type: "tool_call", id: "c", name: "f", arguments: {} }], finishReason: null };
    assert.equal(turnOf([{ ...span, inputMessages: [said("user", "1"), call, said("tool", "r")], outputMessages: [said("assistant", "one")] }])!.asked.length, 3);
  });

  it("shows the last answer in words of an agent, but what its root tells before that", () => {
    const call = { role: "assistant", parts: [{ type: "tool_call", id: "c", name: "f", arguments: {} }], finishReason: null };
    const spans = [{ ...span, outputMessages: [call] }, { ...span, inputMessages: [said("user", "1"), call], outputMessages: [said("assistant", "one")] }, { ...span, outputMessages: [call] }];
    assert.deepEqual(turnOf(spans), { asked: [said("user", "1"), call], answered: [said("assistant", "one")] });
    assert.deepEqual(turnOf([{ ...span, parentSpanId: null, outputMessages: [said("assistant", "root")] }, ...spans])!.answered, [said("assistant", "root")]);
    assert.deepEqual(turnOf(spans.slice(0, 1))!.answered, [call]);
  });

  it("is the question alone where nothing answered", () => {
    assert.deepEqual(turnOf([{ ...span, inputMessages: [said("system", "s"), said("user", "1")], outputMessages: [] }]), { asked: [said("user", "1")], answered: [] });
  });

  it("failed for what its outermost span says, also where the span above it is another program's", () => {
    const ended = (spanId: string, parentSpanId: string | null, code: "ok" | "error", message = "") => ({ spanId, parentSpanId, status: { code, message } });
    assert.equal(failureOfTurn([ended("a", "elsewhere", "error", "The budget is used up."), ended("b", "a", "error", "an attempt")]), "The budget is used up.");
    for (const spans of [[ended("a", null, "ok"), ended("b", "a", "error", "an attempt")], [ended("a", null, "error")]]) assert.equal(failureOfTurn(spans), null);
  });

  it("falls back to plain input and output, and to nothing", () => {
    assert.deepEqual(turnOf([{ ...span, input: "q", output: "a" }]), { asked: [said("user", "q")], answered: [said("assistant", "a")] });
    assert.equal(turnOf([span]), null);
  });
});
