import { createHash } from "node:crypto";
import type { FieldReport } from "../field-report.ts";
import { readHttpFailure } from "../http-failure.ts";
import { openAIDialect } from "../openai/openai.ts";
import { reasoningEffort, type OpenAIDialect } from "../openai/openai-dialect.ts";
import { openAIEmbeddings } from "../openai/openai-embeddings.ts";
import { bearer, modelIds, openAIChat } from "../openai/openai-mapping.ts";
import type { ProviderMapping } from "../provider-mapping.ts";
import type { Fields } from "../wire-value.ts";

/** Mistral takes ids of nine letters and digits; others become such, the same each time, so that results find their calls. */
function toolCallId(id: string): string {
  if (/^[A-Za-z0-9]{9}$/.test(id)) return id;
  return createHash("sha256").update(id).digest("base64").replace(/[^A-Za-z0-9]/g, "").slice(0, 9);
}

/** Which dialect a schema is of and what it is called says nothing to a model, and Mistral's grammar does not compile with it. */
function toolSchema({ $schema: _dialect, $id: _id, ...schema }: Fields): Fields {
  return schema;
}

/** Magistral models always think and take no effort; newer ones take one. */
function reasoning(value: { effort?: string; budgetTokens?: number }, body: Record<string, unknown>, report: FieldReport): void {
  if (!/^magistral/.test(String(body.model))) return reasoningEffort(value, body, report);
  if (value.effort !== undefined) report.drop("reasoning_effort");
  if (value.budgetTokens !== undefined) report.drop("thinking.budget_tokens");
}

const mistralDialect: OpenAIDialect = {
  ...openAIDialect, name: "Mistral", maxTokens: () => "max_tokens", seed: "random_seed", toolRequired: "any", toolSchema, asksForUsage: false, user: false, documents: "document_url", audio: "text", imagesInToolResults: true,
  thinking: "content", toolCallId, namesAndRefusals: false, prefixMark: true, reasoning,
  // Everything else is answered with 422.
  extra: new Set(["metadata", "n", "prediction", "guardrails", "prompt_cache_key", "service_tier", "safe_prompt", "prompt_mode"]),
};

export const mistral: ProviderMapping = {
  // Its bodies are close to OpenAI's and yet refused for any field that it does not know: none pass untouched.
  native: {},
  chat: openAIChat(mistralDialect),
  embeddings: openAIEmbeddings({ name: "Mistral", path: () => "/embeddings", dimensions: "output_dimension", tokens: false, user: false, extra: new Set(["output_dtype", "metadata"]) }),
  authorize: bearer,
  failure: readHttpFailure,
  models: { path: "/models", read: modelIds },
};
