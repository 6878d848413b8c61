import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressMistake } from "./address-mistake.ts";

describe("addressMistake", () => {
  for (const [path, meant, told] of [
    ["/chat/completions", "/v1/chat/completions", " The client's base address lacks /v1."],
    ["/runs/batch", "/langsmith/runs/batch", " The client's base address lacks /langsmith."],
    ["/v1/v1/messages", "/v1/messages", " The client's base address has /v1 too much."],
    ["/openai/v1//chat/completions/", "/v1/chat/completions", " The client's base address has /openai too much."],
    ["/v1/chat/completions/chat/completions", "/v1/chat/completions", " The client's base address has /v1/chat/completions where /v1 belongs."],
    ["/api/v1/runs/batch", "/langsmith/runs/batch", " The client's base address has /api/v1 where /langsmith belongs."],
    ["/v1//chat/completions", "/v1/chat/completions", ""],
    ["/v1/trace", "/v1/traces", ""],
  ] as const) {
    it(`tells of ${path}${told === "" ? " nothing" : ""}`, () => assert.equal(addressMistake(path, meant), told));
  }
});
