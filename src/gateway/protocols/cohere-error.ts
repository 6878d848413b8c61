import type { AppError } from "../../core/errors.ts";
import { errorMessage } from "./error-message.ts";

export interface CohereError {
  id: string;
  message: string;
  /** The same where Jina says it, at the same path: its clients in LangChain, LlamaIndex and Haystack look at no status, and read this of each answer without results. */
  detail: string;
}

/** As Cohere says it: no code, the status tells the kind. Its SDK makes the class of the error out of the status, and hands the document on as its `body`. */
export function cohereError(error: AppError, requestId: string): CohereError {
  const message = errorMessage(error, requestId);
  return { id: requestId, message, detail: message };
}
