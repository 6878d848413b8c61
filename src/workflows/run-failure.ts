import { AppError } from "../core/errors.ts";
import { errorCatalogue, type ErrorCode } from "../core/error-catalogue.ts";
import type { RunError } from "./schemas.ts";

const longestMessage = 2000;

/** What a workflow's function gets from a step that failed for good; the same in every replay. */
export class StepError extends AppError {
  readonly step: string;

  constructor(step: string, attempts: number, error: RunError) {
    super(codeOf(error.code), `The step ${JSON.stringify(step)} failed${attempts > 1 ? ` after ${attempts} attempts` : ""}: ${error.message}`);
    this.step = step;
  }
}

/** The journal and the function disagree: the run cannot go on with this code, and nothing of it may be undone by it. */
export class WorkflowChanged extends AppError {
  constructor(message: string) {
    super("WORKFLOW_CHANGED", message);
  }
}

/** What is kept of an error. Texts come from the workflow's own code and are shown to those who may see the run. */
export function runErrorOf(thrown: unknown): RunError {
  const message = (thrown instanceof Error ? thrown.message || thrown.name : String(thrown)).slice(0, longestMessage);
  const step = stepOf(thrown);
  return { code: thrown instanceof AppError ? thrown.code : "STEP_FAILED", message, ...(step === undefined ? {} : { step }) };
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : "STEP_FAILED";
}

/** The step that an error came from, also when the workflow wrapped it. */
function stepOf(thrown: unknown): string | undefined {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 10; error = error.cause, depth++) {
    if (error instanceof StepError) return error.step;
  }
  return undefined;
}
