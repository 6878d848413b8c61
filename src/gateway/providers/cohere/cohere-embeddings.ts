import { AppError } from "../../../core/errors.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import { FieldReport } from "../field-report.ts";
import type { EmbeddingsAnswer, EmbeddingsRequest, Operation } from "../provider-mapping.ts";
import { fieldsOf, listOf, readAnswer } from "../wire-value.ts";
import { cohereUsage } from "./cohere-words.ts";

const inputTypes: ReadonlySet<string> = new Set(["search_document", "search_query", "classification", "clustering"]);
const own: ReadonlySet<string> = new Set(["truncate", "max_tokens", "priority"]);
const mostTexts = 96;

/** `v2/embed`. Its models want to know what the text is for: what will be searched, where the caller does not say. */
export const cohereEmbeddings: Operation<EmbeddingsRequest, EmbeddingsAnswer> = {
  request({ input, dimensions, inputType, user, extra }, { model }) {
    const report = new FieldReport();
    report.foreign(extra, own);
    if (user !== null) report.drop("user");
    if (input.length > mostTexts) report.refuse("input", `at most ${mostTexts} texts`);
    input.forEach((text, index) => {
      if (typeof text !== "string") report.refuse(`input[${index}]`, "a text, not tokens");
    });
    if (inputType === null) report.emulate("input_type", "search_document");
    else if (!inputTypes.has(inputType)) report.refuse("input_type", `one of ${[...inputTypes].join(", ")}`);
    report.settle("Cohere");
    const body = {
      model, texts: input, input_type: inputType ?? "search_document", embedding_types: ["float"], ...(dimensions === null ? {} : { output_dimension: dimensions }),
      ...Object.fromEntries(Object.entries(extra).filter(([name]) => own.has(name))),
    };
    return { path: "/v2/embed", headers: { "content-type": "application/json" }, body: JSON.stringify(body), dropped: report.dropped, emulated: report.emulated };
  },
  answer(body) {
    const answer = readAnswer(body);
    const vectors = listOf(fieldsOf(answer.embeddings).float).map(listOf);
    if (vectors.length === 0 || !vectors.every((vector): vector is readonly number[] => vector.length > 0 && vector.every((value) => typeof value === "number"))) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer has no embeddings.");
    return { model: "", vectors, usage: { ...unknownUsage, inputTokens: cohereUsage(answer.meta).inputTokens } };
  },
};
