import type { AppError } from "../../core/errors.ts";
import { untoldProblems } from "../../core/untold-problems.ts";

const mostProblems = 8;

/** All that a caller may know, in the one field that SDKs show: what was wrong, where, and what to do; for failures of this server also by which id its log has them. */
export function errorMessage(error: AppError, requestId: string): string {
  const untold = untoldProblems(error);
  const problems = untold.slice(0, mostProblems).map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const more = untold.length - problems.length;
  const list = problems.length === 0 ? "" : ` ${problems.join("; ")}${more > 0 ? `; and ${more} more` : ""}.`;
  return `${error.message}${list} ${error.hint}${error.status === 500 ? ` (${requestId})` : ""}`;
}
