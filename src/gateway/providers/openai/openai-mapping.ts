import type { ChatOperation, ProviderMapping } from "../provider-mapping.ts";
import { fieldsOf, listOf, textOf } from "../wire-value.ts";
import { readOpenAIAnswer } from "./openai-answer.ts";
import type { OpenAIDialect } from "./openai-dialect.ts";
import { writeOpenAIRequest } from "./openai-request.ts";
import { OpenAIStream } from "./openai-stream.ts";

/** Chats with a provider that speaks a dialect of OpenAI's chat completions. */
export function openAIChat(dialect: OpenAIDialect): ChatOperation {
  return {
    request: (request, target) => writeOpenAIRequest(request, target, dialect),
    answer: (body) => readOpenAIAnswer(body, dialect.lenient),
    stream: () => new OpenAIStream(dialect.lenient),
  };
}

export const bearer: ProviderMapping["authorize"] = (_, secret): Readonly<Record<string, string>> => (secret === null ? {} : { authorization: `Bearer ${secret}` });

/** Ids of `{data: [{id}]}`. */
export function modelIds(body: unknown): string[] {
  return listOf(fieldsOf(body).data).map((model) => textOf(fieldsOf(model).id)).filter((id) => id !== "");
}
