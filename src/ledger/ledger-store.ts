import type { EpochMs } from "../core/clock.ts";
import type { Attribution, LedgerEntry } from "./ledger-entry.ts";
import type { CostFilter, CostGrouping, CostSums } from "./schemas.ts";

export interface CostQuery {
  by: readonly CostGrouping[];
  filter: CostFilter;
  /** Null for all. */
  teams: readonly string[] | null;
  /** Whose entries count beside those of the teams; null for nobody's. */
  actor: string | null;
  since: EpochMs;
  /** Not included. */
  until: EpochMs;
}

export interface EntryQuery extends Omit<CostQuery, "by"> {
  /** The last entry of the page before. */
  after: { time: number; id: string } | null;
  limit: number;
}

export type CostGroup = CostSums & { group: Record<string, string | null> };

/** What was spent for one set of owners in some time. */
export type SpentSum = Pick<Attribution, "actor" | "team" | "project" | "route"> & { cost: number };

/** What an entry is a part of, told after it was made. */
export interface EntryWhole extends Pick<Attribution, "session" | "agentRun"> {
  id: string;
}

/** The ledger in a database. Adapters prove themselves with `ledger-store.conformance.ts`. */
export interface LedgerStore {
  /** Adds those whose ids are not there yet; sums and entries always agree. Each is a LedgerEntry as JSON: many wait to be added, and a text takes less room than an object, and less of the collector's time. */
  add(entries: readonly string[]): Promise<void>;
  /** Says of entries that are there to which session and agent's run they belong, where they do not say it. Sums by the hour know neither. */
  complete(entries: readonly EntryWhole[]): Promise<void>;
  /** Which of these ids of entries are there. */
  known(ids: readonly string[]): Promise<Set<string>>;
  /** At most `limit` groups, the dearest first. */
  costs(query: CostQuery, limit: number): Promise<CostGroup[]>;
  /** Newest first. */
  entries(query: EntryQuery): Promise<LedgerEntry[]>;
  /** Oldest first; at most a thousand. */
  forTrace(traceId: string): Promise<LedgerEntry[]>;
  /** By owners, from `since` to `until`, which is not included. Both begin an hour. */
  spentBetween(since: EpochMs, until: EpochMs): Promise<SpentSum[]>;
  /** Removes entries that are older, at most `limit`, and answers how many; sums stay. */
  prune(before: EpochMs, limit: number): Promise<number>;
}
