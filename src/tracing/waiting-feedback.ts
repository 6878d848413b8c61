import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Feedback } from "./schemas.ts";
import type { TraceKey } from "./trace-store.ts";

export type FeedbackDraft = Omit<Feedback, "id" | "traceId" | "revision" | "createdAt" | "updatedAt"> & { id?: string | undefined };

export interface WaitingFeedbackParts {
  /** Throws TRACE_NOT_FOUND where the trace is not there, INVALID_PARAMETER where it has no room. */
  write(key: TraceKey, draft: FeedbackDraft, now: EpochMs): Promise<unknown>;
  /** Milliseconds of a clock that nobody sets. */
  monotonic(): number;
  /** Of all that waits, as JSON. */
  mostCharacters?: number;
}

interface WaitingDraft {
  draft: FeedbackDraft;
  /** As JSON. */
  characters: number;
}

/** What was said of one trace, in its order. */
interface WaitingTrace {
  key: TraceKey;
  drafts: readonly WaitingDraft[];
  /** By the monotonic clock. */
  dueAt: number;
  waitMs: number;
}

/** Beyond, what was kept first is forgotten. */
const mostDrafts = 20_000;
const mostCharactersOfAll = 16 << 20;
/** After that a trace is looked for, whose spans another server may have taken; then after twice as long each time, for about an hour. */
const firstWaitMs = 1000;
const longestWaitMs = firstWaitMs << 11;

/**
 * Feedback whose trace is not there yet, in memory: LangSmith's clients send both in the background, and what is said of a run that is under way before the run itself. It is written when spans of the trace are kept. A trace
 * that is sampled away, or never comes, takes what waits for it along.
 */
export class WaitingFeedback {
  readonly #parts: WaitingFeedbackParts;
  readonly #traces = new Map<string, WaitingTrace>();
  #drafts = 0;
  #characters = 0;

  constructor(parts: WaitingFeedbackParts) {
    this.#parts = parts;
  }

  /** How many feedbacks wait. */
  get size(): number {
    return this.#drafts;
  }

  /** Writes it, now or when its trace is there. Throws what `write` throws but TRACE_NOT_FOUND. */
  async add(key: TraceKey, draft: FeedbackDraft, now: EpochMs): Promise<void> {
    try {
      await this.#parts.write(key, draft, now);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "TRACE_NOT_FOUND") throw error;
      const before = this.#take(key);
      this.#put(key, [...(before?.drafts ?? []), { draft, characters: JSON.stringify(draft).length }], before?.waitMs ?? firstWaitMs);
      // Its spans may have come meanwhile, and found nothing that waits.
      await this.arrived(key, now);
    }
  }

  /** To be called when spans of a trace were kept. What cannot be written goes on waiting, but what the store refuses. Never rejects. */
  async arrived(key: TraceKey, now: EpochMs): Promise<void> {
    const taken = this.#take(key);
    if (taken === null) return;
    for (const [index, { draft }] of taken.drafts.entries()) {
      try {
        await this.#parts.write(key, draft, now);
      } catch (error) {
        if (error instanceof AppError && error.code === "INVALID_PARAMETER") continue;
        this.#put(key, [...taken.drafts.slice(index), ...(this.#take(key)?.drafts ?? [])], Math.min(taken.waitMs * 2, longestWaitMs));
        return;
      }
    }
  }

  /** Looks for traces whose time has come, and forgets those that were looked for in vain for an hour. */
  async lookForTraces(now: EpochMs): Promise<void> {
    const tick = this.#parts.monotonic();
    for (const { key, dueAt, waitMs } of [...this.#traces.values()]) {
      if (dueAt > tick) continue;
      if (waitMs >= longestWaitMs) this.#take(key);
      else await this.arrived(key, now);
    }
  }

  #take(key: TraceKey): WaitingTrace | null {
    const found = this.#drafts === 0 ? undefined : this.#traces.get(nameOf(key));
    if (found === undefined) return null;
    this.#traces.delete(nameOf(key));
    this.#count(found.drafts, -1);
    return found;
  }

  #put(key: TraceKey, drafts: readonly WaitingDraft[], waitMs: number): void {
    this.#traces.set(nameOf(key), { key, drafts, dueAt: this.#parts.monotonic() + waitMs, waitMs });
    this.#count(drafts, 1);
    for (const { key: first } of this.#traces.values()) {
      if (this.#drafts <= mostDrafts && this.#characters <= (this.#parts.mostCharacters ?? mostCharactersOfAll)) break;
      this.#take(first);
    }
  }

  #count(drafts: readonly WaitingDraft[], sign: 1 | -1): void {
    this.#drafts += sign * drafts.length;
    for (const { characters } of drafts) this.#characters += sign * characters;
  }
}

function nameOf({ team, traceId }: TraceKey): string {
  return `${traceId} ${team}`;
}
