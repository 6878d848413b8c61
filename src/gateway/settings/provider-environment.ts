import { ProviderSettings, type ProviderKind } from "../schemas.ts";
import type { KnownProvider } from "./gateway-catalog.ts";

/** Where the programs of each provider look for its key. The first that is set counts. */
const keyNames: readonly (readonly [kind: ProviderKind, names: readonly string[]])[] = [
  ["openai", ["OPENAI_API_KEY"]],
  ["anthropic", ["ANTHROPIC_API_KEY"]],
  ["gemini", ["GEMINI_API_KEY", "GOOGLE_API_KEY"]],
  ["mistral", ["MISTRAL_API_KEY"]],
  ["cohere", ["COHERE_API_KEY", "CO_API_KEY"]],
];

/** Variables that bring a provider of this name along; none where it has to be entered. */
export function keyNamesOf(provider: string): readonly string[] {
  return keyNames.find(([kind]) => kind === provider)?.[1] ?? [];
}

/** Environment variables that secrets of providers may be read from: an administrator of the server's API must not get at others by sending them to a provider of their own. */
export function isSecretName(name: string): boolean {
  return name.startsWith("SLIPWAY_PROVIDER_") || keyNames.some(([, names]) => names.includes(name)) || name === "AZURE_OPENAI_API_KEY" || name === "AWS_BEARER_TOKEN_BEDROCK";
}

/** Providers that can be called without a word of configuration: those with a key in the environment, and the ones that need none. */
export function providersOfEnvironment(isSet: (name: string) => boolean): KnownProvider[] {
  const known: KnownProvider[] = [{ name: "echo", settings: ProviderSettings.parse({ kind: "echo" }), origin: "built-in" }];
  for (const [kind, names] of keyNames) {
    const secretName = names.find(isSet);
    if (secretName !== undefined) known.push({ name: kind, settings: ProviderSettings.parse({ kind }), origin: "environment", secretName });
  }
  return known;
}
