import { ApiFailure, failureOf } from "../../data/api.ts";

/** The first sentence, where another begins behind it. */
const firstSentence = /^(.*?[^\s.][.!?]) (?=[\p{Lu}`].*)/su;

/** Of what the gateway says in OpenAI's form: there the hint stands behind the message in one text. `code` is one of the catalogue, in large or small letters. */
export function chatFailure(status: number, code: string, text: string): ApiFailure {
  const message = firstSentence.exec(text)?.[1] ?? text;
  return new ApiFailure(status, { code: code.toUpperCase(), message, hint: text.slice(message.length).trim() });
}

/** Of an answer with an error. OpenAI's codes are not all of the catalogue's, and may be null: the header has the catalogue's. */
export function failureOfChat({ status, headers }: Pick<Response, "status" | "headers">, body: unknown): ApiFailure {
  const error = (body as { error?: { message?: unknown; code?: unknown; type?: unknown } } | null)?.error;
  if (typeof error?.message !== "string") return failureOf(status, body);
  return chatFailure(status, headers.get("X-Error-Code") ?? String(error.code ?? error.type ?? `HTTP ${status}`), error.message);
}
