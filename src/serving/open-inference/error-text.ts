import type { AppError } from "../../core/errors.ts";
import { untoldProblems } from "../../core/untold-problems.ts";

/** Problems that the text lists; a client that shows the text on a screen needs no more. */
const maxListed = 20;

/** An error as the one text that the Open Inference Protocol has for it: what was wrong, all of it, and what to do. */
export function errorText(error: AppError): string {
  const unsaid = untoldProblems({ message: error.message, problems: error.problems.slice(0, maxListed) }).map(({ path, message }) => (path === "" ? message : `${path} ${message}`));
  return [error.message, ...unsaid.map((text) => `- ${text}`), error.hint].join(unsaid.length > 0 ? "\n" : " ");
}

/** The body of a failed request. */
export function errorBody(error: AppError): { error: string } {
  return { error: errorText(error) };
}
