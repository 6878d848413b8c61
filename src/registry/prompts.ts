import type { RegistryTag } from "./schemas.ts";

/** The tag by which MLflow's clients keep prompts among the models. */
export const promptTag = "mlflow.prompt.is_prompt";

/** Whether a model, or a version, with these tags is a prompt. */
export function isPrompt(tags: readonly RegistryTag[]): boolean {
  return tags.findLast(({ key }) => key === promptTag)?.value.toLowerCase() === "true";
}
