import { AppError } from "../../../core/errors.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import { FieldReport } from "../field-report.ts";
import type { EmbeddingsAnswer, EmbeddingsRequest, MappingTarget, Operation } from "../provider-mapping.ts";
import { countOf, fieldsOf, listOf, readAnswer, rowOf, sumOf } from "../wire-value.ts";
import { geminiPath, geminiResource } from "./gemini-model.ts";

const taskTypes: Readonly<Record<string, string>> = { search_document: "RETRIEVAL_DOCUMENT", search_query: "RETRIEVAL_QUERY", document: "RETRIEVAL_DOCUMENT", query: "RETRIEVAL_QUERY", classification: "CLASSIFICATION", clustering: "CLUSTERING" };
const mostTexts = 100;

/** One text by `embedContent`, several by `batchEmbedContents`. */
export const geminiEmbeddings: Operation<EmbeddingsRequest, EmbeddingsAnswer> = {
  request(request, target) {
    const report = new FieldReport();
    report.foreign(request.extra, new Set(["title"]));
    if (request.user !== null) report.drop("user");
    if (request.input.length > mostTexts) report.refuse("input", `at most ${mostTexts} texts`);
    const requests = request.input.map((text, index) => {
      if (typeof text !== "string") report.refuse(`input[${index}]`, "a text, not tokens");
      return { model: geminiResource(target.model), content: { parts: [{ text }] }, ...taskFields(request, report) };
    });
    report.settle("Gemini");
    return { ...methodAndBody(requests, target), headers: { "content-type": "application/json" }, dropped: report.dropped, emulated: report.emulated };
  },
  answer(body) {
    const answer = readAnswer(body);
    const embeddings = answer.embedding === undefined ? listOf(answer.embeddings) : [answer.embedding];
    const vectors = embeddings.map((embedding) => listOf(fieldsOf(embedding).values));
    if (vectors.length === 0 || !vectors.every(isVector)) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer has no embeddings.");
    const ownCounts = embeddings.map((embedding) => countOf(fieldsOf(fieldsOf(embedding).statistics).tokenCount));
    return { model: "", vectors, usage: { ...unknownUsage, inputTokens: countOf(fieldsOf(answer.usageMetadata).promptTokenCount) ?? sumOf(...ownCounts) } };
  },
};

function methodAndBody(requests: readonly object[], target: MappingTarget): { path: string; body: string } {
  return requests.length === 1
    ? { path: geminiPath(target, "embedContent"), body: JSON.stringify(requests[0]) }
    : { path: geminiPath(target, "batchEmbedContents"), body: JSON.stringify({ requests }) };
}

function taskFields({ inputType, dimensions, extra }: EmbeddingsRequest, report: FieldReport): object {
  const taskType = inputType === null ? undefined : (rowOf(taskTypes, inputType) ?? (/^[A-Z_]+$/.test(inputType) ? inputType : undefined));
  if (inputType !== null && taskType === undefined) report.refuse("input_type", `one of ${Object.keys(taskTypes).join(", ")}`);
  return { ...(taskType === undefined ? {} : { taskType }), ...(typeof extra.title === "string" ? { title: extra.title } : {}), ...(dimensions === null ? {} : { outputDimensionality: dimensions }) };
}

function isVector(vector: readonly unknown[]): vector is readonly number[] {
  return vector.length > 0 && vector.every((value) => typeof value === "number");
}
