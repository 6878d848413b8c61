import type { ProviderKind } from "../schemas.ts";

/** Names that the GenAI conventions have for providers. Whose they are is not known of a server that speaks OpenAI's protocol, nor of what answers here. */
const namesOfKinds: Partial<Record<ProviderKind, string>> = {
  openai: "openai", azure: "azure.ai.openai", anthropic: "anthropic", gemini: "gcp.gemini", bedrock: "aws.bedrock", mistral: "mistral_ai", cohere: "cohere",
};

/** `gen_ai.provider.name` of a provider by its kind; the name that it was entered by where the conventions have none. */
export function providerName(kind: string, entered: string): string {
  return Object.hasOwn(namesOfKinds, kind) ? namesOfKinds[kind as ProviderKind]! : entered;
}
