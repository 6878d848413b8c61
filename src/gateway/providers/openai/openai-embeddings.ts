import { unknownUsage } from "../../conversation/chat-answer.ts";
import { FieldReport } from "../field-report.ts";
import type { EmbeddingsAnswer, EmbeddingsRequest, MappingTarget, Operation, UpstreamRequest } from "../provider-mapping.ts";
import { countOf, fieldsOf, listOf, readAnswer, textOf } from "../wire-value.ts";
import { answerInvalid, errorWords } from "./openai-words.ts";

export interface EmbeddingsDialect {
  name: string;
  path(target: MappingTarget): string;
  dimensions: "dimensions" | "output_dimension";
  /** Whether texts may be given as numbers of tokens. */
  tokens: boolean;
  user: boolean;
  /** `all` lets the provider judge what it does not know. */
  extra: "all" | ReadonlySet<string>;
}

/** Embeddings in OpenAI's form. */
export function openAIEmbeddings(dialect: EmbeddingsDialect): Operation<EmbeddingsRequest, EmbeddingsAnswer> {
  return { request: (request, target) => writeEmbeddings(request, target, dialect), answer: readEmbeddings };
}

function writeEmbeddings(request: EmbeddingsRequest, target: MappingTarget, dialect: EmbeddingsDialect): UpstreamRequest {
  const report = new FieldReport();
  const body: Record<string, unknown> = { model: target.model, input: request.input };
  if (!dialect.tokens && request.input.some((text) => typeof text !== "string")) report.refuse("input", "this provider takes texts, not numbers of tokens");
  if (request.dimensions !== null) body[dialect.dimensions] = request.dimensions;
  if (request.inputType !== null) report.drop("input_type");
  if (request.user !== null) {
    if (dialect.user) body.user = request.user;
    else report.drop("user");
  }
  const foreign: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(request.extra)) ((dialect.extra === "all" || dialect.extra.has(name)) && !Object.hasOwn(body, name) ? body : foreign)[name] = value;
  report.foreign(foreign);
  report.settle(dialect.name);
  return { path: dialect.path(target), headers: { "content-type": "application/json" }, body: JSON.stringify(body), dropped: report.dropped, emulated: report.emulated };
}

function readEmbeddings(body: Uint8Array): EmbeddingsAnswer {
  const document = readAnswer(body);
  const error = errorWords(document);
  if (error !== null) throw answerInvalid(`The provider answered with an error: ${error}`);
  const data = listOf(document.data).map(fieldsOf);
  const vectors: (readonly number[])[] = [];
  for (const [place, { index, embedding }] of data.entries()) vectors[countOf(index) ?? place] = readVector(embedding);
  // One that is missing would shift all that follow.
  if (vectors.length !== data.length || !Array.from(vectors).every((vector) => vector !== undefined && vector.length > 0)) throw answerInvalid("The provider's answer lacks a vector.");
  const usage = fieldsOf(document.usage);
  return { model: textOf(document.model), vectors, usage: { ...unknownUsage, inputTokens: countOf(usage.prompt_tokens ?? usage.total_tokens), outputTokens: 0 } };
}

/** Numbers, or 32-bit floats, little-endian, in base64. */
function readVector(value: unknown): readonly number[] {
  if (typeof value === "string") {
    const bytes = Buffer.from(value, "base64");
    return Array.from({ length: bytes.length >> 2 }, (_, index) => bytes.readFloatLE(index * 4));
  }
  const numbers = listOf(value);
  if (!numbers.every((number) => typeof number === "number")) throw answerInvalid("The provider's answer has a vector that is not made of numbers.");
  return numbers;
}
