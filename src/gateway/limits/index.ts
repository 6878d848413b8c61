export { Admission, type Ticket } from "./admission.ts";
export { FallbackLimitStore } from "./fallback-limit-store.ts";
export type { LimitedCall } from "./limited-call.ts";
export type { LimitsLeft, MeasureLeft } from "./limits-left.ts";
export { MemoryLimitStore } from "./memory-limit-store.ts";
