import { providerBaseUrls } from "../providers/provider-mappings.ts";
import type { ProviderKind } from "../schemas.ts";

/** What calls end with, in the protocols that are spoken here: nobody's base. Names that a folder may have too count behind a version only. */
const operation = /(\/openai\/deployments(\/.*)?|\/chat\/completions|\/models?\/[^/]+(:\w+|\/(invoke|converse)[\w-]*)|\/api\/(chat|generate|tags)|\/v\d\w*\/(completions|responses|embeddings|rerank|messages(\/count_tokens)?|models|chat|embed))\/*$/;
const version = /\/v\d\w*$/;
/** What the paths of these kinds begin with, and a base must not end with. */
const ownBeginning: Readonly<Partial<Record<ProviderKind, RegExp>>> = { anthropic: /\/v1$/, gemini: /\/v1(beta)?$/, cohere: /\/v[12]$/, ollama: /\/v1$/ };

/** Why an address is a provider's for one kind of call and not its base, and the base that was meant; null where it may be one. */
export function addressProblem(kind: ProviderKind, baseUrl: string): string | null {
  const { origin, pathname, hostname } = new URL(baseUrl);
  const path = pathname.replace(/\/+$/, "");
  const found = operation.exec(path)?.[1] ?? "";
  // A version stands before an operation, and belongs to the base where the kind's paths do not bring it along.
  const kept = path.slice(0, path.length - found.length) + (version.exec(found.split("/", 2).join("/"))?.[0] ?? "");
  // A gateway in front of Azure may have a folder of that name; Azure has none below it.
  const beginning = kind === "azure" && hostname.endsWith(".azure.com") ? /\/openai$/ : ownBeginning[kind];
  const base = beginning === undefined ? kept : kept.replace(beginning, "");
  if (base === path) return null;
  const own = providerBaseUrls[kind] === `${origin}${base}` ? `leave it out, or give ${origin}${base}` : `give ${origin}${base}`;
  return `ends with ${path.slice(base.length)}, which the gateway puts behind it by itself: ${own}${kind === "azure" ? ", and the version of the API as apiVersion" : ""}`;
}
