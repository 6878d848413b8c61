import type { EpochMs } from "../core/clock.ts";
import type { TrafficRoute } from "../serving/index.ts";
import type { Replica, ReplicaFigures, Rollout, RolloutRequest, Verdict } from "./schemas.ts";

/** What may change of a rollout while it goes on. */
export type RolloutChange = Partial<Pick<Rollout, "state" | "phase" | "phaseSince" | "endedAt" | "reason" | "workflowRun">> & {
  /** Made of what is stored at that moment, so that nothing is lost of what several servers write at once. May be called several times. */
  test?: (present: NonNullable<Rollout["test"]>) => NonNullable<Rollout["test"]>;
};

/**
 * Rollouts, their routes, figures and verdicts. Each write is one durable transaction. Adapters prove themselves with
 * `rollout-store.conformance.ts`.
 */
export interface RolloutStore {
  /** Writes rollout.started. Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, ROLLOUT_UNDER_WAY where the model has an open one. */
  add(rollout: Rollout): Promise<void>;
  find(id: string): Promise<Rollout | null>;
  /** The open one of a model. */
  current(model: string): Promise<Rollout | null>;
  /** Newest first; of the models given, or of all. */
  list(filter: { models?: readonly string[]; open?: boolean; before?: string; limit: number }): Promise<Rollout[]>;
  /**
   * Changes an open rollout and answers with it. Writes `event` (rollout.phase.entered, .paused, .resumed, .succeeded, .rolled_back, .aborted, .failed) with it. Null when it had ended before.
   * A request is taken off when `request` says which one was carried out (by its time and action); a `promote` goes with its phase.
   */
  change(id: string, change: RolloutChange, options: { now: EpochMs; actor: string; event?: string; request?: RolloutRequest }): Promise<Rollout | null>;
  /**
   * Asks for something, and says whether it is what stands now. What ends it (`abort`, `trip`, `stop`) is replaced by nothing; a `promote` that waits, by no other; and one of another phase than the
   * present one is not taken. Null when it has ended.
   */
  request(id: string, request: RolloutRequest): Promise<{ rollout: Rollout; isTaken: boolean } | null>;

  /**
   * The route takes the next revision of its model, which is answered. Writes model.route.changed on `model:NAME`. Null takes the route away; with `of`, where it is of that rollout alone. Nothing is
   * written, and the present revision answered, for a rollout beside which another one is open: it came too late.
   */
  writeRoute(model: string, route: Omit<TrafficRoute, "revision"> | null, by: { actor: string; now: EpochMs; of?: string }): Promise<number>;
  /** `route` is null where there was one and is none now. */
  route(model: string): Promise<{ revision: number; route: TrafficRoute | null } | null>;
  routes(): Promise<{ model: string; revision: number; route: TrafficRoute | null }[]>;

  addVerdict(verdict: Verdict): Promise<void>;
  /** Newest first. */
  verdicts(rollout: string, page: { before?: string; limit: number }): Promise<Verdict[]>;

  /** What one server saw of a phase, in place of what it wrote before. */
  writeFigures(rollout: string, phase: string, replica: string, figures: ReplicaFigures, now: EpochMs): Promise<void>;
  /** One entry for each server. */
  readFigures(rollout: string, phase: string): Promise<{ replica: string; figures: ReplicaFigures }[]>;

  /** A server is there, and has these routes. Servers that were not seen for a day are forgotten. */
  reportReplica(replica: Replica): Promise<void>;
  replicas(): Promise<Replica[]>;
  /** A server that goes down is waited for no longer. */
  removeReplica(id: string): Promise<void>;
}
