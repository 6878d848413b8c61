import { endianness } from "node:os";
import type { EmbeddingsAnswer, EmbeddingsRequest } from "../providers/provider-mapping.ts";
import type { AnswerFrame } from "./client-protocol.ts";
import type { Fields } from "./request-fields.ts";
import { RequestFields } from "./request-fields.ts";

const known = new Set(["model", "input", "dimensions", "encoding_format", "input_type", "user"]);
const bigEndian = endianness() === "BE";

/** The body of POST /v1/embeddings. Throws INVALID_REQUEST with every problem. */
export function parseEmbeddings(body: Fields): EmbeddingsRequest {
  const fields = new RequestFields();
  fields.name(body.model, "model");
  const request: EmbeddingsRequest = {
    input: readInput(fields, body.input),
    dimensions: fields.count(body.dimensions, "dimensions", 1),
    encoding: fields.oneOf(body.encoding_format, "encoding_format", ["float", "base64"] as const) ?? "float",
    inputType: fields.optionalText(body.input_type, "input_type") ?? null,
    user: fields.optionalText(body.user, "user") ?? null,
    extra: fields.extra(body, known),
  };
  fields.finish(request.extra);
  return request;
}

/** One text or one list of token numbers, or several of them. */
function readInput(fields: RequestFields, input: unknown): readonly (string | readonly number[])[] {
  if (typeof input === "string") return [fields.name(input, "input")];
  const list = fields.list(input, "input");
  if (Array.isArray(input) && list.length === 0) fields.problem("input", "must not be empty");
  if (list.length > 0 && list.every(isToken)) return [list];
  return list.map((item, index) => (isTokens(item) ? item : fields.name(item, `input[${index}]`)));
}

function isToken(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every(isToken);
}

/** In base64, vectors are the bytes of 32-bit floats, the least significant first. */
export function embeddingsDocument(answer: EmbeddingsAnswer, frame: Pick<AnswerFrame, "model">, encoding: EmbeddingsRequest["encoding"]): Record<string, unknown> {
  const { inputTokens, tokensEstimated } = answer.usage;
  const tokens = inputTokens ?? 0;
  return {
    object: "list",
    data: answer.vectors.map((vector, index) => ({ object: "embedding", index, embedding: encoding === "base64" ? base64Of(vector) : vector })),
    model: frame.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens, ...(tokensEstimated === true && { estimated: true }) },
  };
}

function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.from(new Float32Array(vector).buffer);
  return (bigEndian ? bytes.swap32() : bytes).toString("base64");
}
