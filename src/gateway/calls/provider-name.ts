import type { ProviderKind, ProviderSettings } from "../schemas.ts";

/** Names that the GenAI conventions have for providers. Whose they are is not known by the kind of a server that speaks OpenAI's protocol, nor of what answers here. */
const namesOfKinds: Partial<Record<ProviderKind, string>> = {
  openai: "openai", azure: "azure.ai.openai", anthropic: "anthropic", gemini: "gcp.gemini", bedrock: "aws.bedrock", mistral: "mistral_ai", cohere: "cohere",
};

/** Kinds behind whose addresses another provider of the conventions may be. */
const open: ReadonlySet<string> = new Set<ProviderKind>(["compatible", "gemini"]);
/** Ends of the hosts of these providers, with the name that the conventions have for each: it must be used where it applies. */
const namesOfHosts: readonly (readonly [host: string, name: string])[] = [
  ["api.openai.com", "openai"], ["openai.azure.com", "azure.ai.openai"], ["services.ai.azure.com", "azure.ai.inference"], ["models.ai.azure.com", "azure.ai.inference"], ["api.anthropic.com", "anthropic"],
  ["generativelanguage.googleapis.com", "gcp.gemini"], ["aiplatform.googleapis.com", "gcp.vertex_ai"], ["api.mistral.ai", "mistral_ai"], ["api.cohere.com", "cohere"], ["api.cohere.ai", "cohere"], ["api.groq.com", "groq"],
  ["api.deepseek.com", "deepseek"], ["api.perplexity.ai", "perplexity"], ["api.x.ai", "x_ai"], ["ml.cloud.ibm.com", "ibm.watsonx.ai"],
];
/** Of each region one, with the region within. */
const bedrockHost = /^bedrock-runtime[\w-]*\.[\w.-]+\.amazonaws\.com$/;

const known = new WeakMap<Pick<ProviderSettings, "kind" | "baseUrl">, string | null>();

/** `gen_ai.provider.name` of a provider by its kind and address; the name that it was entered by where the conventions have none, as they allow. Without settings it is not set up any more. */
export function providerName(settings: Pick<ProviderSettings, "kind" | "baseUrl"> | undefined, entered: string): string {
  if (settings === undefined) return entered;
  let name = known.get(settings);
  if (name === undefined) known.set(settings, (name = (open.has(settings.kind) ? nameOfHost(settings.baseUrl) : null) ?? namesOfKinds[settings.kind] ?? null));
  return name ?? entered;
}

function nameOfHost(baseUrl: string | undefined): string | null {
  const host = baseUrl === undefined ? undefined : URL.parse(baseUrl)?.hostname;
  if (host === undefined) return null;
  if (bedrockHost.test(host)) return "aws.bedrock";
  // Of Vertex the region stands before, with a dash.
  return namesOfHosts.find(([end]) => host === end || host.endsWith(`.${end}`) || (end.startsWith("aiplatform.") && host.endsWith(`-${end}`)))?.[1] ?? null;
}
