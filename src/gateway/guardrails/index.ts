export { ClassifierModels, textInputOf, type GuardrailTrouble } from "./classifier-models.ts";
export type { GuardedStream } from "./guarded-stream.ts";
export { Guardrails } from "./guardrails.ts";
