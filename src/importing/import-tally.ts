import { AppError } from "../core/errors.ts";
import type { ImportCounts, ImportNote, ImportReport } from "./schemas.ts";

const mostNotes = 1000;
const mostCharacters = 500;

/** What one step counted and noted, as it goes into the journal. */
export interface StepTally {
  counts: ImportCounts;
  notes: ImportNote[];
  furtherNotes: number;
}

/** Counts and notes of an import. */
export class ImportTally {
  readonly #counts: Record<string, number> = {};
  readonly #notes: ImportNote[] = [];
  #further = 0;

  count(kind: string, by = 1): void {
    if (by > 0) this.#counts[kind] = (this.#counts[kind] ?? 0) + by;
  }

  note(object: string, why: string): void {
    if (this.#notes.length >= mostNotes) this.#further++;
    else this.#notes.push({ object: object.slice(0, mostCharacters), why: why.slice(0, mostCharacters) });
  }

  /** Notes an error that is about the object alone; all others are thrown on. */
  noteError(object: string, error: unknown): void {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    this.note(object, error.message);
  }

  add({ counts, notes, furtherNotes }: StepTally): void {
    for (const [kind, by] of Object.entries(counts)) this.count(kind, by);
    for (const { object, why } of notes) this.note(object, why);
    this.#further += furtherNotes;
  }

  toStep(): StepTally {
    return { counts: this.#counts, notes: this.#notes, furtherNotes: this.#further };
  }

  toReport(dryRun: boolean): ImportReport {
    return { dryRun, ...this.toStep() };
  }
}
