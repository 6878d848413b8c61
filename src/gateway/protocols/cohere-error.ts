import type { AppError } from "../../core/errors.ts";
import { errorMessage } from "./error-message.ts";

export interface CohereError {
  id: string;
  message: string;
}

/** As Cohere says it: no code, the status tells the kind. Its SDK makes the class of the error out of the status, and hands the document on as its `body`. */
export function cohereError(error: AppError, requestId: string): CohereError {
  return { id: requestId, message: errorMessage(error, requestId) };
}
