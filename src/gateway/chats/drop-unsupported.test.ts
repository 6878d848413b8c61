import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { chatOf } from "../cache/chats.fixture.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import { droppingUnsupported } from "./drop-unsupported.ts";

const refuse = (...paths: string[]): never => {
  throw new AppError("GATEWAY_FIELD_UNSUPPORTED", "It has none.", { problems: paths.map((path) => ({ path, message: "has none" })) });
};
const asked = chatOf({ sampling: { ...chatOf().sampling, frequencyPenalty: 0.5, seed: 7, temperature: 0.3 }, extra: { logprobs: true, top_logprobs: 2, metadata: { a: "b" } }, reasoning: { effort: "high" } });

describe("a call without what its target has nothing for", () => {
  it("is made as it is where nothing is refused", () => {
    assert.deepEqual(droppingUnsupported(asked, (request) => request), { made: asked, request: asked, left: [] });
  });

  it("lacks only what was refused, also where that is told in turn", () => {
    const { request, made, left } = droppingUnsupported(asked, (sent: ChatRequest) => {
      if ("logprobs" in sent.extra) refuse("logprobs", "top_logprobs");
      if (sent.sampling.frequencyPenalty !== null || sent.reasoning !== null) refuse("frequency_penalty", "reasoning_effort");
      return "made";
    });
    assert.deepEqual([made, left], ["made", ["logprobs", "top_logprobs", "frequency_penalty", "reasoning_effort"]]);
    assert.deepEqual(request, { ...asked, sampling: { ...asked.sampling, frequencyPenalty: null }, extra: { metadata: { a: "b" } }, reasoning: null });
  });

  it("is refused for what changes the question, whatever else could be left out, and for other errors", () => {
    for (const paths of [["response_format"], ["frequency_penalty", "messages[0].content[0]"], ["tool_choice"], ["parallel_tool_calls"], ["n"], []]) assert.throws(() => droppingUnsupported(asked, () => refuse(...paths)), { code: "GATEWAY_FIELD_UNSUPPORTED" });
    assert.throws(() => droppingUnsupported(asked, () => { throw new AppError("CONTEXT_TOO_LONG", "Too long."); }), { code: "CONTEXT_TOO_LONG" });
    // Refused although it is not there any more.
    assert.throws(() => droppingUnsupported(asked, () => refuse("seed")), { code: "GATEWAY_FIELD_UNSUPPORTED" });
  });
});
