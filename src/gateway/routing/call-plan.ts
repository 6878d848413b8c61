import type { AppError } from "../../core/errors.ts";
import type { ChatEvent } from "../conversation/chat-event.ts";
import type { ChatStreamReader, ProviderMapping, UpstreamFailure, UpstreamRequest } from "../providers/provider-mapping.ts";
import type { ProviderSettings, RouteSettings, RouteTarget } from "../schemas.ts";
import type { AnswerHold } from "../../core/answer-memory.ts";
import type { StopSignal } from "../../core/stop-signal.ts";

/** A provider that can be asked now. */
export interface ReadyProvider {
  name: string;
  settings: ProviderSettings;
  mapping: ProviderMapping;
  /** Throws PROVIDER_UNAUTHORIZED where its source cannot be read. Null for providers without one. */
  secret(): string | null;
  /** Whether it has another secret now than the one that was `used`, which it refused; undefined: none could be read. Absent where none ever changes. */
  hasNewSecret?(used: string | null | undefined): boolean;
}

/** What conditions of targets and the choice among them are judged by. */
export interface CallFacts {
  inputTokens: number;
  needs: ReadonlySet<"tools" | "images" | "documents" | "audio" | "schema" | "reasoning" | "stream">;
  tags: Readonly<Record<string, string>>;
  /** Calls of one session stay with one target; null for none. */
  session: string | null;
  /** What the call may cost at worst with this target, in US dollars; null where its price is not known. */
  worstCost(target: RouteTarget): number | null;
}

/** One call in the form that a target wants. */
export interface PreparedCall<Answer> {
  request: UpstreamRequest;
  /** Reads a whole answer. What it throws sends the call to the next attempt. */
  read(body: Uint8Array, headers: Readonly<Record<string, string>>): Answer;
  /** For calls that are answered in a stream. */
  stream: ChatStreamReader | null;
  /** Whether the call can be put in another way for a provider that answered this one with the status: it is prepared anew then, and asked at once. */
  otherwise?(status: number): boolean;
}

/** One attempt, for traces, metrics and the ledger. */
export interface AttemptRecord {
  provider: string;
  model: string;
  /** Monotonic milliseconds, at which it began. */
  since: number;
  /** Monotonic milliseconds that it took until its answer was whole, its stream began to give content, or it failed. */
  ms: number;
  outcome: "ok" | UpstreamFailure["kind"] | "timeout" | "unreachable" | "broken-answer" | "cancelled";
  status: number | null;
  message: string | null;
  /** By which the provider's support finds it; null where the provider told none. */
  requestId: string | null;
  hedge: boolean;
  /** Its request went out whole. */
  sent: boolean;
  /** How often it went out again, as the kept connection that it was given to had been closed; absent for none. */
  resends?: number;
}

export interface StreamPiece {
  /** As they came from the provider. */
  bytes: Uint8Array;
  /** What they complete. */
  events: readonly ChatEvent[];
}

export type OpenedCall<Answer> = {
  target: RouteTarget;
  provider: ReadyProvider;
  /** All, the successful one last. */
  attempts: readonly AttemptRecord[];
  headers: Readonly<Record<string, string>>;
  prepared: PreparedCall<Answer>;
  /** Monotonic milliseconds from the start of the call to the first byte of the answer that counts. */
  firstByteMs: number;
} & (
  | { streamed: false; answer: Answer; body: Uint8Array }
  /** Begins with the first content; everything before it is in its first piece. Throws AppError (PROVIDER_STREAM_FAILED, PROVIDER_TIMEOUT) where it breaks off. Returning early stops the provider. */
  | { streamed: true; pieces: AsyncIterable<StreamPiece> }
);

/** Who is told of a call's attempts while they are made. */
export interface AttemptWatch {
  /** Told before each attempt goes out; what it answers is told how that attempt ended. */
  begun(target: RouteTarget, provider: ReadyProvider): (attempt: AttemptRecord) => void;
  /** Asked with an attempt that failed before another is made in its place; throws BUDGET_EXCEEDED or BUDGET_UNAVAILABLE, or rejects with it, where budgets have no room for both: then none is made. */
  lost(attempt: AttemptRecord): void | Promise<void>;
}

/** Of an attempt in the limits of its provider. */
export interface AttemptPlace {
  leave(): void;
  /** The attempt is not made after all: nothing of the limits is taken. */
  giveBack(): void;
}

export interface CallOrder<Answer> {
  route: string;
  settings: RouteSettings;
  facts: CallFacts;
  /** Monotonic time at which everything must be over. */
  deadline: number;
  /** The caller has gone. */
  signal: StopSignal;
  /** May throw GATEWAY_FIELD_UNSUPPORTED or CONTEXT_TOO_LONG: then other targets are tried, and the error is the answer when none can. */
  prepare(target: RouteTarget, provider: ReadyProvider): PreparedCall<Answer>;
  watch?: AttemptWatch | undefined;
  /** Where what whole answers take of memory counts until the caller has them; without it they count while they come. */
  hold?: AnswerHold;
  /** Asked before each attempt on a provider that has limits of its own; throws RATE_LIMITED and the like, which goes on to the next target. `over`: nobody wants the place any more. */
  admit?: ((target: RouteTarget, provider: ReadyProvider, over: StopSignal) => Promise<AttemptPlace>) | undefined;
}

/**
 * Carries a call out: chooses targets, tries and retries them within the deadline, and gives back the first answer that begins well. Throws what the last (or the most telling) attempt failed with; the error's
 * `attempts` are on `CallFailure`.
 */
export interface CallRunner {
  run<Answer>(order: CallOrder<Answer>): Promise<OpenedCall<Answer>>;
}

/** Attempts of a call that failed, for its trace. */
export const attemptsOfFailure = new WeakMap<AppError, readonly AttemptRecord[]>();
