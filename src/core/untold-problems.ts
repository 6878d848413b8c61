import type { Problem } from "./errors.ts";

/** The problems that the message of their error does not tell already: where both are shown, each thing is said once. */
export function untoldProblems({ message, problems }: { message: string; problems: readonly Problem[] }): Problem[] {
  return problems.filter((problem) => !wordings(problem).some((text) => message.includes(text)));
}

function wordings({ path, message }: Problem): string[] {
  return path === "" ? [message] : [`${path}: ${message}`, `${path} ${message}`];
}
