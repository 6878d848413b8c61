export * from "./schemas.ts";
export type { RolloutChange, RolloutStore } from "./rollout-store.ts";
