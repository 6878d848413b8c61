import assert from "node:assert/strict";
import { it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { providerAccount } from "./provider-account.ts";
import { ProviderSettings } from "../schemas.ts";

const accountOf = (name: string, settings: object, secret: () => string | null = () => "sk-1234567890"): string => providerAccount({ name, settings: ProviderSettings.parse({ kind: "openai", baseUrl: "https://api.openai.com/v1", ...settings }), secret });
const one = accountOf("one", {});

it("providers are one account where host and key are, whatever they are named, and however the host is written", () => {
  for (const settings of [{}, { kind: "compatible" }, { baseUrl: "https://API.openai.com:443/v1/" }, { headers: { "X-Title": "a" } }]) assert.equal(accountOf("two", settings), one, JSON.stringify(settings));
  const server = { kind: "compatible", baseUrl: "http://127.0.0.1:8000/v1" };
  assert.equal(accountOf("a", server, () => null), accountOf("b", server, () => null));
  const project = { "OpenAI-Project": "p", "openai-organization": "o" };
  assert.equal(accountOf("a", { headers: project }), accountOf("b", { headers: { "OpenAI-Organization": "o", "openai-project": "p" } }));
});

it("another key, host, port or project is another account, and one whose key cannot be read is its own", () => {
  const others = [
    accountOf("one", {}, () => "sk-1234567891"), accountOf("one", {}, () => null), accountOf("one", { baseUrl: "https://eu.api.openai.com/v1" }), accountOf("one", { baseUrl: "https://api.openai.com:8443/v1" }),
    accountOf("one", { headers: { "OpenAI-Project": "p" } }), accountOf("one", {}, () => { throw new AppError("PROVIDER_UNAUTHORIZED", "It is not there."); }),
  ];
  assert.equal(new Set([one, ...others]).size, others.length + 1);
  assert.ok([one, ...others].every((account) => !account.includes("sk-") && !account.includes("openai")));
  const local = { kind: "scripted", baseUrl: "http://local.invalid" };
  assert.notEqual(accountOf("a", local), accountOf("b", local));
});
