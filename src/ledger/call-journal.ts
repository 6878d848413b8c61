import type { EpochMs } from "../core/clock.ts";
import type { KeptScope } from "./budget-alerts.ts";
import type { Attribution, LedgerEntry } from "./ledger-entry.ts";

/** An attempt of a call beside the one that its own entry is of. */
export interface AttemptBegun extends Pick<CallBegun, "id" | "provider" | "kind" | "model" | "tier" | "inputTokens" | "mostOutputTokens" | "searchUnits"> {
  since: EpochMs;
  webSearches: number;
  /** Milliseconds that it had, and the outcome of its entry; null while it is under way. */
  ended: { ms: number; outcome: LedgerEntry["outcome"] } | null;
}

/** A call that a provider works on: what its entry is made of where the process dies. */
export interface CallBegun {
  /** Of its entry, whoever writes it in the end. */
  id: string;
  time: EpochMs;
  attribution: Attribution;
  provider: string;
  /** Of the provider, for its price. */
  kind: string;
  model: string;
  /** The dearer way to be served that was asked for; null for the usual one. */
  tier: string | null;
  /** By estimate. */
  inputTokens: number;
  mostOutputTokens: number;
  searchUnits: number;
  /** Of the web, by estimate; former releases did not note them. */
  webSearches?: number;
  /** When the attempt began that this is of; absent where it is the call's own beginning, or of several rounds. */
  since?: EpochMs;
  /** What else may have worked, or still does; absent where nothing does. */
  beside?: readonly AttemptBegun[];
  /** Null where no budget of a day or a month held it. */
  reservation: { id: string; scopes: readonly KeptScope[] } | null;
}

/** A call that a former process began and did not end. */
export interface CallInterrupted extends CallBegun {
  /** When that process was last known to live; it died within a second or so. */
  lastSeenAt: EpochMs;
}

/** Calls under way, where the next process on this machine finds them. */
export interface CallJournal {
  /** Of former processes, until `forget`. */
  interrupted(): Promise<CallInterrupted[]>;
  /** They are in the ledger. */
  forget(): Promise<void>;
  /** Written in the background; never throws. With neither it says that the process lives. A call that begins again takes the place of what was said of it. */
  note(begun: readonly CallBegun[], ended: readonly string[], now: EpochMs): void;
  /** Waits for what was noted. */
  close(): Promise<void>;
}
