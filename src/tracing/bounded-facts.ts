import { AppError } from "../core/errors.ts";
import type { TraceFacts } from "./trace-store.ts";

/** As long as MLflow's own stores keep them, or longer. */
const previewCharacters = 10_000;
const nameCharacters = 1024;
const ownerCharacters = 250;
/** The last time that fits into 64 bits of nanoseconds. Milliseconds since 1970. */
const latest = 9.2e12;
/** Of the tags of a trace, and of its metadata, as JSON: each list of traces has those of all. */
export const mostFactCharacters = 64 << 10;

/** Revisions of the feedback of one trace, and their bytes as JSON. Lists of MLflow's clients have all feedback of each trace. */
export const mostFeedback = { revisions: 1000, bytes: 1 << 20 } as const;

/** What can be said of a trace beside its spans: texts cut off, and times that no trace can have left out. */
export function boundedFacts(facts: TraceFacts): TraceFacts {
  const { start, durationMs, name, session, user, inputPreview, outputPreview, ...others } = facts;
  const within = (value: number): boolean => value >= 0 && value <= latest;
  return {
    ...others,
    ...(start === undefined || !within(start) ? {} : { start }),
    ...(durationMs === undefined || (durationMs !== null && !(within(durationMs) && within((start ?? 0) + durationMs))) ? {} : { durationMs }),
    ...cut({ name }, nameCharacters), ...cut({ session, user }, ownerCharacters), ...cut({ inputPreview, outputPreview }, previewCharacters),
  };
}

function cut<Name extends string>(texts: Readonly<Record<Name, string | undefined>>, characters: number): Partial<Record<Name, string>> {
  const told = Object.entries(texts).filter((entry): entry is [Name, string] => entry[1] !== undefined);
  return Object.fromEntries(told.map(([name, text]) => [name, text.slice(0, characters)])) as Partial<Record<Name, string>>;
}

/** Throws INVALID_PARAMETER for tags or metadata that are too many together, `json` being all that the trace would have. */
export function assertFactsFit(kind: "tags" | "metadata", json: string): void {
  if (json.length > mostFactCharacters) throw new AppError("INVALID_PARAMETER", `The ${kind} of a trace take at most ${mostFactCharacters} characters together.`);
}

/** Throws INVALID_PARAMETER for feedback that is too much together, all revisions of all that the trace would have. */
export function assertFeedbackFits(revisions: number, bytes: number): void {
  if (revisions > mostFeedback.revisions || bytes > mostFeedback.bytes) {
    throw new AppError("INVALID_PARAMETER", `The feedback of a trace takes at most ${mostFeedback.revisions} revisions and ${mostFeedback.bytes} bytes together; remove what is not needed.`);
  }
}
