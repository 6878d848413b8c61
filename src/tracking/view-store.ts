import type { EpochMs } from "../core/clock.ts";
import type { RunView } from "./schemas.ts";

/** Saved views of the runs of an experiment, shared by whoever sees it. Durable when answered; proven by `view-store.conformance.ts`. */
export interface ViewStore {
  /** By name. */
  list(experiment: string): Promise<RunView[]>;
  /** Adds it, or changes the one of that name in the experiment; its id and owner stay then. */
  put(view: { id: string; experiment: string; name: string; view: RunView["view"]; actor: string; now: EpochMs }): Promise<RunView>;
  /** Throws VIEW_NOT_FOUND. */
  remove(experiment: string, id: string): Promise<void>;
}
