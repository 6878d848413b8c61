import { AppError } from "../../../core/errors.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import { FieldReport } from "../field-report.ts";
import type { EmbeddingsAnswer, EmbeddingsRequest, Operation } from "../provider-mapping.ts";
import { countOf, fieldsOf, listOf, readAnswer, type Fields } from "../wire-value.ts";
import { bedrockAbilities, bedrockPath } from "./bedrock-model.ts";

const cohereInputs: ReadonlySet<string> = new Set(["search_document", "search_query", "classification", "clustering"]);
const mostCohereTexts = 96;

/** InvokeModel with the body that each family wants: Titan one text, Cohere up to 96. */
export const bedrockEmbeddings: Operation<EmbeddingsRequest, EmbeddingsAnswer> = {
  request(request, target) {
    const report = new FieldReport();
    const { family } = bedrockAbilities(target.model);
    report.foreign(request.extra, new Set(family === "cohere" ? ["truncate"] : ["normalize"]));
    if (request.user !== null) report.drop("user");
    request.input.forEach((text, index) => {
      if (typeof text !== "string") report.refuse(`input[${index}]`, "a text, not tokens");
    });
    const body = family === "titan" ? titanBody(request, target.model, report) : family === "cohere" ? cohereBody(request, report) : null;
    if (body === null) report.refuse("model", "embeddings are known of Titan and Cohere");
    report.settle("Bedrock");
    return { path: bedrockPath(target, "invoke"), headers: { "content-type": "application/json", accept: "application/json" }, body: JSON.stringify(body), dropped: report.dropped, emulated: report.emulated };
  },
  answer(body, headers) {
    const answer = readAnswer(body);
    const { embedding, embeddings } = answer;
    const vectors = (embedding !== undefined ? [embedding] : Array.isArray(embeddings) ? embeddings : listOf(fieldsOf(embeddings).float)).map(listOf);
    if (vectors.length === 0 || !vectors.every((vector): vector is readonly number[] => vector.length > 0 && vector.every((value) => typeof value === "number"))) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer has no embeddings.");
    const counted = headers["x-amzn-bedrock-input-token-count"];
    return { model: "", vectors, usage: { ...unknownUsage, inputTokens: countOf(answer.inputTextTokenCount) ?? (counted === undefined || counted === "" ? null : countOf(Number(counted))) } };
  },
};

function titanBody({ input, dimensions, inputType, extra }: EmbeddingsRequest, model: string, report: FieldReport): Fields {
  if (input.length !== 1) report.refuse("input", "one text in a call");
  if (inputType !== null) report.drop("input_type");
  const isFirst = /titan-embed-text-v1|titan-embed-g1/.test(model);
  if (dimensions !== null && isFirst) report.refuse("dimensions", "this model has one number of dimensions");
  return { inputText: input[0], ...(dimensions === null || isFirst ? {} : { dimensions }), ...(typeof extra.normalize === "boolean" ? { normalize: extra.normalize } : {}) };
}

function cohereBody({ input, dimensions, inputType, extra }: EmbeddingsRequest, report: FieldReport): Fields {
  if (input.length > mostCohereTexts) report.refuse("input", `at most ${mostCohereTexts} texts`);
  if (inputType === null) report.emulate("input_type", "search_document");
  else if (!cohereInputs.has(inputType)) report.refuse("input_type", `one of ${[...cohereInputs].join(", ")}`);
  return { texts: input, input_type: inputType ?? "search_document", ...(dimensions === null ? {} : { output_dimension: dimensions }), ...(typeof extra.truncate === "string" ? { truncate: extra.truncate } : {}) };
}
