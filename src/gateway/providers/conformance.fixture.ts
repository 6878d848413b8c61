import { appendFileSync } from "node:fs";
import { test } from "node:test";
import type { ChatRequest } from "../conversation/chat-request.ts";
import type { ProviderKind } from "../schemas.ts";

/** The cases that every provider is asked for; a row of docs/gateway-conformance.md each. */
export const conformanceCases = {
  1: "Tool arguments between text and object, empty and malformed",
  2: "Tool results: neighbours together, errors, images",
  3: "Tool choice: none, required, one tool; parallel calls off",
  4: "Several system messages, also in mid-conversation; cache marks",
  5: "Sampling limits: temperature, default and reasoning models' maximum of tokens",
  6: "Images by data and URL, PDF, unknown media types",
  7: "JSON Schema with $ref, $defs, recursion, anyOf null",
  8: "Output by JSON Schema",
  9: "Thinking and its signatures go and come back",
  10: "Streams cut anywhere, CRLF, comments, pings",
  11: "Streamed tool calls: counted, interleaved, without index, arguments or name first",
  12: "A stream starts once, and first",
  13: "Thinking never enters text",
  14: "Usage is cumulative; absent is not 0",
  15: "Input tokens include cached ones",
  16: "Streams are asked for usage, and tell it once",
  17: "An end without a finish is an error",
  18: "Nothing counts as content before the first piece of it",
  19: "Reasons to stop",
  20: "Errors: overload, size, no JSON, when to come back, quota",
} as const;
export type ConformanceCase = keyof typeof conformanceCases;

/** `native`: the provider's protocol has it word for word. `mapped`: in other words. `emulated`: in another way, which the answer names. `refused`: by name. */
export type Handling = "native" | "mapped" | "emulated" | "refused";

/** One line of the file that SLIPWAY_CONFORMANCE_OUT names: each case when it is registered and again when it is over. */
export interface ConformanceRecord {
  provider: ProviderKind;
  number: ConformanceCase;
  name: string;
  handling: Handling;
  state: "registered" | "passed" | "failed";
}

/** Registers a test of one case and one provider (several may share a case), which the matrix in docs/gateway-conformance.md then lists. */
export function conformanceCase(provider: ProviderKind, number: ConformanceCase, name: string, run: () => void | Promise<void>, handling: Handling = "mapped"): void {
  const file = process.env.SLIPWAY_CONFORMANCE_OUT;
  const tell = (state: ConformanceRecord["state"]) => {
    if (file !== undefined) appendFileSync(file, `${JSON.stringify({ provider, number, name, handling, state } satisfies ConformanceRecord)}\n`);
  };
  tell("registered");
  test(`${provider}, case ${number}: ${name}`, async () => {
    try {
      await run();
    } catch (error) {
      tell("failed");
      throw error;
    }
    tell("passed");
  });
}

/** A chat that says "Hello", but for what `change` says. */
export function chatRequest(change: Omit<Partial<ChatRequest>, "sampling"> & { sampling?: Partial<ChatRequest["sampling"]> } = {}): ChatRequest {
  const { sampling, ...rest } = change;
  return {
    messages: [{ role: "user", parts: [{ type: "text", text: "Hello" }] }], tools: [], toolChoice: { type: "auto" }, parallelToolCalls: null, output: { type: "text" },
    sampling: { maxOutputTokens: null, temperature: null, topP: null, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null, ...sampling },
    reasoning: null, stream: false, user: null, extra: {}, ...rest,
  };
}
