import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { ChatMessage, ChatRequest } from "../conversation/chat-request.ts";
import { truncateChat } from "./truncate-chat.ts";

const request = (messages: readonly ChatMessage[]): ChatRequest => ({
  messages, tools: [], toolChoice: { type: "auto" }, parallelToolCalls: null, output: { type: "text" }, reasoning: null, stream: false, user: null, extra: {},
  sampling: { maxOutputTokens: null, temperature: null, topP: null, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null },
});
const text = (role: "system" | "user" | "assistant", value: string, cache?: { ttl?: string }): ChatMessage => ({ role, parts: [{ type: "text", text: value, ...(cache === undefined ? {} : { cache }) }] });
const call = (...ids: string[]): ChatMessage => ({ role: "assistant", parts: ids.map((id) => ({ type: "tool-call", id, name: "f", arguments: "{}" })) });
const result = (callId: string): ChatMessage => ({ role: "tool", callId, parts: [{ type: "text", text: "r" }], isError: false });
/** 10 tokens for each message makes the sums readable; 3 stand beside them. */
const ten = (): number => 10;
const said = ({ messages }: ChatRequest): string[] => messages.map((message) => (message.role === "tool" ? message.callId : message.parts.map((part) => (part.type === "text" ? part.text : part.type === "tool-call" ? part.id : "")).join("+")));

const turns = [text("system", "s"), text("user", "1"), text("assistant", "2"), text("user", "3"), call("a", "b"), result("a"), result("b"), text("assistant", "4"), text("user", "5")];

describe("truncation of a chat", () => {
  it("gives back the same request where it fits", () => {
    const whole = request(turns);
    assert.equal(truncateChat(whole, "error", 93, ten).request, whole);
  });

  it("refuses by the policy error, with the figures", () => {
    assert.throws(() => truncateChat(request(turns), "error", 92, ten), { code: "CONTEXT_TOO_LONG", message: /93 tokens; 92 fit/ });
  });

  it("leaves the oldest turns out, with what answers them, and begins with the user", () => {
    const { request: shorter, leftOut, tokens } = truncateChat(request(turns), "oldest-first", 85, ten);
    assert.deepEqual(said(shorter), ["s", "3", "a+b", "a", "b", "4", "5"]);
    assert.deepEqual(leftOut, { messages: 2, tokens: 20 });
    assert.equal(tokens, 73);
    assert.deepEqual(said(truncateChat(request(turns), "oldest-first", 60, ten).request), ["s", "5"]);
  });

  it("leaves the middle out", () => {
    assert.deepEqual(said(truncateChat(request(turns), "middle-out", 85, ten).request), ["s", "1", "2", "a+b", "a", "b", "4", "5"]);
    assert.deepEqual(said(truncateChat(request(turns), "middle-out", 55, ten).request), ["s", "1", "4", "5"]);
  });

  it("refuses where what must stay is too long", () => {
    assert.throws(() => truncateChat(request(turns), "oldest-first", 22, ten), { code: "CONTEXT_TOO_LONG" });
    assert.deepEqual(said(truncateChat(request(turns), "oldest-first", 23, ten).request), ["s", "5"]);
  });

  it("moves the cache mark of what is left out to the end of what stays the same", () => {
    const marked = [text("system", "s"), text("user", "1", { ttl: "1h" }), text("assistant", "2"), text("user", "3", {}), text("assistant", "4"), text("user", "5")];
    const { request: shorter } = truncateChat(request(marked), "oldest-first", 45, ten);
    assert.deepEqual(shorter.messages.map((message) => message.parts.map((part) => ("cache" in part ? part.cache : null))), [[{ ttl: "1h" }], [{}], [null], [null]]);
  });

  it("keeps pairs whole, the order, the system and the last user message in every conversation", () => {
    const step = fc.oneof(
      fc.constant(["user"]), fc.constant(["assistant"]), fc.constant(["system"]), fc.nat({ max: 3 }).map((count) => ["calls", String(count + 1)]), fc.constant(["calls-with-user-between"]),
    );
    const conversation = fc.array(step, { minLength: 1, maxLength: 25 }).map((steps) => {
      const messages: ChatMessage[] = [];
      for (const [index, [kind, count]] of steps.entries()) {
        if (kind === "calls" || kind === "calls-with-user-between") {
          const ids = Array.from({ length: Number(count ?? 1) }, (_, number) => `${index}-${number}`);
          messages.push(call(...ids));
          if (kind !== "calls") messages.push(text("user", `between ${index}`));
          messages.push(...ids.map(result));
        } else messages.push(text(kind as "user", `${kind} ${index}`));
      }
      return messages;
    });
    fc.assert(fc.property(conversation, fc.constantFrom("oldest-first" as const, "middle-out" as const), fc.integer({ min: 3, max: 400 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 100, maxLength: 100 }), (messages, policy, limit, sizes) => {
      const sizeOf = new Map(messages.map((message, index) => [message, sizes[index] ?? 1]));
      const cost = (message: ChatMessage): number => sizeOf.get(message) ?? assert.fail("a message that was not there");
      let kept: readonly ChatMessage[];
      try {
        const truncated = truncateChat(request(messages), policy, limit, cost);
        assert.ok(truncated.tokens <= limit);
        assert.equal(truncated.leftOut.messages, messages.length - truncated.request.messages.length);
        kept = truncated.request.messages;
      } catch (error) {
        assert.equal((error as { code?: string }).code, "CONTEXT_TOO_LONG");
        return;
      }
      assert.equal(kept.reduce((sum, message) => sum + cost(message), 3) <= limit, true);
      assert.deepEqual(kept, messages.filter((message) => kept.includes(message)));
      const calls = new Set(kept.flatMap((message) => (message.role === "assistant" ? message.parts.flatMap((part) => (part.type === "tool-call" ? [part.id] : [])) : [])));
      const results = new Set(kept.flatMap((message) => (message.role === "tool" ? [message.callId] : [])));
      assert.deepEqual(calls, results);
      for (const message of messages) if (message.role === "system") assert.ok(kept.includes(message));
      const lastUser = messages.findLast(({ role }) => role === "user");
      if (lastUser !== undefined) assert.ok(kept.includes(lastUser));
      const last = messages.at(-1);
      if (last !== undefined) assert.ok(kept.includes(last));
    }), { numRuns: 300 });
  });
});
