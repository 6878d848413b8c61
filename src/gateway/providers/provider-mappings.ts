import type { ProviderKind } from "../schemas.ts";
import { anthropic } from "./anthropic/anthropic.ts";
import { azure } from "./azure/azure.ts";
import { bedrock } from "./bedrock/bedrock.ts";
import { cohere } from "./cohere/cohere.ts";
import { compatible } from "./compatible/compatible.ts";
import { echo } from "./echo/echo.ts";
import { gemini } from "./gemini/gemini.ts";
import { localBaseUrl } from "./local-provider.ts";
import { mistral } from "./mistral/mistral.ts";
import { ollama } from "./ollama/ollama.ts";
import { openai } from "./openai/openai.ts";
import type { ProviderMapping } from "./provider-mapping.ts";
import { scripted } from "./scripted/scripted.ts";

/** What each kind of provider speaks. */
export const providerMappings: Readonly<Record<ProviderKind, ProviderMapping>> = { openai, azure, anthropic, gemini, bedrock, mistral, cohere, ollama, compatible, echo, scripted };

/** Where each kind is found; paths of mappings are appended. Null where an address of its own must be given (`bedrock`: by its region). */
export const providerBaseUrls: Readonly<Record<ProviderKind, string | null>> = {
  openai: "https://api.openai.com/v1",
  azure: null,
  anthropic: "https://api.anthropic.com",
  gemini: "https://generativelanguage.googleapis.com",
  bedrock: null,
  mistral: "https://api.mistral.ai/v1",
  cohere: "https://api.cohere.com",
  ollama: "http://localhost:11434",
  compatible: null,
  echo: localBaseUrl,
  scripted: localBaseUrl,
};
