export { Admission, type AdmissionOptions, type AdmissionRequest, type LimitedParty, type Ticket } from "./admission.ts";
export { FallbackLimitStore } from "./fallback-limit-store.ts";
export { MemoryLimitStore } from "./memory-limit-store.ts";
export type { Bucket, BucketWant, LimitStore, Slot, Taken } from "./limit-store.ts";
