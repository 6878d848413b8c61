import type { LedgerEntry } from "./ledger-entry.ts";

/** A sealed part of a journal: nothing is added to it any more. */
export interface JournalPart {
  /** What of it can be read, each as JSON: a crash may have cut its end. */
  entries(): Promise<readonly string[]>;
  /** Its entries are in the database. */
  remove(): Promise<void>;
}

/** Entries on their way to the database. What `append` has answered survives the death of the process, and within a fraction of a second the loss of power. */
export interface LedgerJournal {
  /** Answers when the operating system has it. Rejects with QUEUE_FULL at the journal's bound, STORAGE_FULL or INTERNAL when the disk fails. */
  append(entry: LedgerEntry): Promise<void>;
  /** Oldest first: everything that was appended before the call and is not removed yet, of former processes too. What is appended from now on goes into another part. */
  seal(): Promise<JournalPart[]>;
  /** Waits for what was appended, and closes. */
  close(): Promise<void>;
}
