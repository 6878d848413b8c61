export type { GuardContext, GuardReport } from "./guard.ts";
export type { GuardedCall } from "./guarded-call.ts";
export type { GuardedStream } from "./guarded-stream.ts";
export { Guardrails } from "./guardrails.ts";
