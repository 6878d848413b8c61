/** How wrong the clocks of replicas are; milliseconds. The test has the same clocks, to know what they show. */
export const clockFaults = { skewMs: 8 * 60_000, jumpMs: 3 * 60_000, jumpEveryMs: 5 * 60_000 };

/** Where a victim's database is. */
export type DatabaseAddress = { kind: "sqlite"; path: string } | { kind: "postgres"; url: string };

/** At its Nth coming to a point a victim says so, and stops there unless it is to be killed a little later. */
export interface Ambush {
  point: string;
  nth: number;
  /** Where that does not come: at so many points of any name, so that every process ends by what it did and not by how fast it was. */
  latest: number;
  stops: boolean;
}

export interface Work {
  type: "work";
  database: DatabaseAddress;
  /** Another for each process. */
  owner: string;
  /** Gets a line for each thing that must be known whoever dies: see `effects-file.ts`. */
  effects: string;
  ambush: Ambush | null;
  seed: number;
}

/** To take up runs until all have ended. */
export interface RunsWork extends Work {
  task: "runs";
  /** Owners that are dead, whose leases nobody needs to sit out. */
  dead: readonly string[];
}

/** To fire schedules and work on their runs while the parent moves the time. */
export interface SchedulesWork extends Work {
  task: "schedules";
  /** That of the replica's machine, whose clock is as wrong for the next process as it was for the last. */
  clockSeed: number;
  /** When all clocks were made, and the true time now. */
  begin: number;
  truth: number;
  /** Whether leases and schedules go by the replica's own clock or by the true one, as where a database tells it. */
  goesBy: "own clock" | "truth";
}

export type ToVictim = { type: "open"; database: DatabaseAddress } | RunsWork | SchedulesWork | { type: "time"; truth: number; end: boolean };

export type FromVictim =
  | { type: "ready" }
  | { type: "working" }
  | { type: "at"; point: string }
  /** Asks for the time to go on; answered by `time`. */
  | { type: "tick"; jumpsBack: number }
  | { type: "idle" }
  | { type: "failed"; message: string };
