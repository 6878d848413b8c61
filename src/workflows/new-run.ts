import { describeIssue } from "../core/describe-issue.ts";
import { AppError } from "../core/errors.ts";
import type { WorkflowDefinition } from "./definition.ts";
import type { NewRun } from "./workflow-store.ts";

/** Problems that an answer lists. */
const maxProblems = 64;

/** A run as the definition wants it. The input is kept as it came, and read by the definition's schema again at each replay. */
export function newRun(definition: WorkflowDefinition, facts: Omit<NewRun, "workflow" | "version" | "concurrencyKey">): NewRun {
  const input = parseInput(definition, facts.input);
  return { ...facts, workflow: definition.name, version: definition.version, concurrencyKey: definition.concurrency?.key?.(input) ?? null };
}

/** Throws INVALID_REQUEST with each problem. */
export function parseInput(definition: WorkflowDefinition, input: unknown): unknown {
  const parsed = definition.input.safeParse(input, { error: describeIssue });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, maxProblems).map(({ path, message }) => ({ path: ["input", ...path].map(String).join("."), message }));
  throw new AppError("INVALID_REQUEST", `The input does not fit the workflow ${definition.name}.`, { problems });
}
