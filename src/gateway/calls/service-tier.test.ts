import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toldTier } from "../../ledger/index.ts";
import { chatProtocols } from "../protocols/index.ts";
import { providerMappings } from "../providers/provider-mappings.ts";
import { ProviderSettings } from "../schemas.ts";
import { askedTier, dearerTier, tierOfRounds } from "./service-tier.ts";

describe("ways to be served", () => {
  it("are told by the provider's word, where they are not the usual one; a cheaper one counts only when it was told", () => {
    assert.deepEqual(["default", "standard", "auto", "", undefined, null, "flex", "batch", "priority", { type: "odd" }].map(toldTier), [null, null, null, null, null, null, "flex", "batch", "priority", '{"type":"odd"}']);
    assert.deepEqual(["default", "flex", "batch", "priority"].map(dearerTier), [null, null, null, "priority"]);
  });

  it("are reserved for as usual only where the provider is surely not told of them", () => {
    const messages = [{ role: "user", content: "hello" }];
    const passedOver: string[] = [];
    for (const protocol of ["openai-chat", "anthropic-messages", "openai-responses"] as const) {
      const request = chatProtocols[protocol].parse({ model: "m", service_tier: "priority", ...(protocol === "openai-responses" ? { input: messages, max_output_tokens: 9 } : { messages, max_tokens: 9 }) });
      for (const [kind, { native, chat }] of Object.entries(providerMappings)) {
        if (askedTier(request.extra, protocol)(kind, null) !== null) continue;
        assert.equal(native[protocol], undefined, `bytes of ${protocol} pass to ${kind}`);
        const { body, dropped } = chat!.request(request, { model: "m", settings: ProviderSettings.parse({ kind, ...(kind === "bedrock" ? { region: "eu-west-1" } : {}) }) });
        assert.doesNotMatch(String(body), /priority/);
        assert.ok(dropped.includes("service_tier"));
        passedOver.push(`${protocol} at ${kind}`);
      }
    }
    assert.deepEqual(passedOver.toSorted(), [
      ...["anthropic", "bedrock", "cohere", "gemini"].map((kind) => `openai-chat at ${kind}`), ...["anthropic", "bedrock", "cohere", "gemini"].map((kind) => `openai-responses at ${kind}`), ...["bedrock", "cohere", "gemini"].map((kind) => `anthropic-messages at ${kind}`),
    ].toSorted());
    // As it is set up, whatever is asked for; and any way where nobody knows who calls.
    assert.deepEqual(["gemini", "anthropic"].map((kind) => askedTier({ service_tier: "priority" }, "openai-chat")(kind, "own")), ["own", "own"]);
    assert.equal(askedTier({ service_tier: "priority" })("anthropic", null), "priority");
    assert.equal(askedTier({ service_tier: "priority", speed: "fast" }, "openai-chat")("anthropic", null), "fast");
  });

  it("of two rounds are the dearer one", () => {
    const cases: [string | null | undefined, string | null | undefined, string | null | undefined][] = [
      ["flex", "flex", "flex"], ["flex", null, null], ["flex", undefined, null], ["flex", "batch", null], ["flex", "priority", "priority"], [null, "priority", "priority"], [undefined, "priority", "priority"], [null, undefined, null], [undefined, undefined, undefined],
    ];
    for (const [one, other, expected] of cases) for (const pair of [[one, other], [other, one]] as const) assert.equal(tierOfRounds(...pair), expected, String(pair));
  });
});
