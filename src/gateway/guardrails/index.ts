export type { GuardedStream } from "./guarded-stream.ts";
export { Guardrails } from "./guardrails.ts";
