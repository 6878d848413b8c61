import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { ChangeBy, Contract, Model, ModelVersion, RegistryChange, RolloutPlan, Stage } from "../registry/index.ts";
import type { Timers } from "../workflows/index.ts";
import type { RolloutStore } from "./rollout-store.ts";
import type { RolloutWakes } from "./rollout-wakes.ts";
import type { PhaseFigures, Rollout, Verdict } from "./schemas.ts";

/** What rollouts look at of what they roll out: a version of a model, or a revision of a route's settings. */
export interface RolledVersion extends Pick<ModelVersion, "model" | "version" | "stage"> {
  contract: { signature: Pick<Contract["signature"], "inputs" | "outputs">; runtime: { kind: string; notes: readonly string[] } };
  /** Why it could answer nothing now, in words; absent where it could. */
  trouble?: string;
}

/** What rollouts read and change of the registry, or of what stands for it. Methods throw MODEL_NOT_FOUND (of a route GATEWAY_MODEL_NOT_FOUND), VERSION_NOT_FOUND. */
export interface RolloutRegistry {
  model(name: string): Promise<Pick<Model, "team" | "aliases" | "latestVersion">>;
  version(model: string, version: string): Promise<RolledVersion>;
  policy(model: string): Promise<{ policy: { rollout: RolloutPlan } }>;
  /** Newest first. */
  changes(model: string, page: { limit: number; before?: string }): Promise<Pick<RegistryChange, "change" | "before" | "after">[]>;
  transition(model: string, version: string, stage: Stage, by: ChangeBy): Promise<void>;
  setAlias(model: string, alias: string, version: string, by: ChangeBy): Promise<void>;
  deleteAlias(model: string, alias: string, by: ChangeBy): Promise<void>;
}

/** What rollouts do to the versions in memory. */
export interface RolloutServing {
  /** No request goes to the arm any more when it answers, until a route of a higher revision is taken. */
  cutArm(model: string, rollout: string, arm: string): void;
  follow(model: string): Promise<void>;
  activate(model: string, version: string, actor: string, reason?: string): Promise<void>;
}

/** The servers on the database, this one first. */
export interface RolloutReplicas {
  /** Takes the stored route in this process. Throws VERSION_FAILED where a version cannot be loaded. */
  apply(model: string): Promise<void>;
  /** Settles when every live server has the revision, or at the timeout with those that do not. */
  whenTaken(model: string, revision: number, options: { signal: AbortSignal; timeoutMs: number }): Promise<{ missing: string[] }>;
}

/** Numbers that are asked of the prediction log. */
export interface RolloutMetrics {
  /** Those that are due, of both versions in the present phase; former ones for the others. Never throws: a metric that fails has no value. */
  read(rollout: Rollout, signal: AbortSignal): Promise<Verdict["metrics"]>;
}

/** What carries rollouts out. */
export interface RolloutParts {
  store: RolloutStore;
  registry: RolloutRegistry;
  serving: RolloutServing;
  replicas: RolloutReplicas;
  metrics: RolloutMetrics;
  /** Of all servers, with what this one has not written yet. */
  figuresOf(rollout: string, phase: string): Promise<PhaseFigures>;
  clock: Clock;
  timers: Timers;
  ids: IdGenerator;
  events: EventBus;
  logger: Logger;
  wakes: RolloutWakes;
}
