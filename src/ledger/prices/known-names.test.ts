import assert from "node:assert/strict";
import { it } from "node:test";
import { remarkOnPrice, type KnownNames } from "./known-names.ts";

it("remarkOnPrice names what is not known, and the nearest that is", () => {
  const known: KnownNames = { providers: [{ name: "azure-eu", kind: "azure" }, { name: "local", kind: "compatible" }], models: [{ provider: "azure-eu", model: "our-deployment" }] };
  const remark = (provider: string, model: string): string | null => remarkOnPrice({ provider, model }, known, Date.UTC(2026, 10, 22));
  for (const [provider, model] of [["openai", "gpt-5-mini"], ["openai", "gpt-5-mini-2025-08-07"], ["openai", "gpt-5*"], ["azure-eu", "our-deployment"], ["local", "anything"], ["compatible", "llama-*"]] as const) assert.equal(remark(provider, model), null, `${provider}/${model}`);
  assert.match(remark("opnai", "gpt-5-mini")!, /^No provider .*"opnai" is known here; the nearest is openai\. /);
  assert.match(remark("azure-ue", "x")!, /the nearest is azure-eu\./);
  assert.match(remark("openai", "gpt5-mini")!, /^No model named "gpt5-mini" of openai is known here; the nearest is gpt-5-mini\. /);
  assert.match(remark("openai", "gpd-5*")!, /the nearest is gpt-5/);
  assert.match(remark("openai", "something-else-entirely")!, /is known here\. The price holds/);
  assert.match(remark("azure-eu", "our-deploymnet")!, /the nearest is our-deployment\./);
});
