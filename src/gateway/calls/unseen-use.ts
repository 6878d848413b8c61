import { mostTokensOfMs, type LedgerEntry } from "../../ledger/index.ts";
import { unknownUsage, type TokenUsage } from "../conversation/chat-answer.ts";
import type { AttemptRecord } from "../routing/call-plan.ts";

/** What a model is asked at once, of one attempt: a call, or a round of repair of it. */
export interface CallRound {
  /** By estimate. */
  inputTokens: number;
  /** At most. */
  outputTokens: number;
  /** Of reranking, by estimate. */
  searchUnits: number;
  /** Attempts that were over before it. */
  attemptsBefore: number;
}

/** What an attempt may have used that nobody saw an answer of. */
export interface UnseenUse extends Pick<AttemptRecord, "provider" | "model" | "ms"> {
  attempt: AttemptRecord;
  /** Of its entry beside the call's own. */
  outcome: OutcomeBeside;
  usage: TokenUsage;
}

/** `failed-over`: another attempt was made in its place. `outrun`: another was quicker. The others ended the call. */
export type OutcomeBeside = Extract<LedgerEntry["outcome"], "failed" | "failed-over" | "cancelled" | "outrun">;

/** Searches of the web of an attempt that tells of none, by estimate. */
type SearchesOf = (target: Pick<AttemptRecord, "provider" | "model">) => number;

/** Of output that may have been written in so many milliseconds. */
export function unseenTokens(ms: number): number {
  return Math.ceil(Math.max(0, ms) * mostTokensOfMs);
}

/** Each attempt that its provider may ask for though it gave no answer, in their order: all of the input, and as much output as the attempt had time for, up to what was asked for. */
export function unseenUses(attempts: readonly AttemptRecord[], rounds: readonly CallRound[], searchesOf: SearchesOf): UnseenUse[] {
  const uses: UnseenUse[] = [];
  for (const [index, attempt] of attempts.entries()) {
    const round = mayHaveWorked(attempt) ? roundAt(rounds, index) : undefined;
    if (round === undefined) continue;
    const { provider, model, ms } = attempt;
    uses.push({ attempt, provider, model, ms, outcome: outcomeBeside(attempt, attempts.slice(index + 1).map(({ outcome }) => outcome)), usage: usageOf(attempt, round, searchesOf) });
  }
  return uses;
}

/** Tokens of the attempts that were answered, where their provider told none: the call ended before they were counted. */
export function answeredTokens(attempts: readonly AttemptRecord[], rounds: readonly CallRound[]): { inputTokens: number; outputTokens: number } {
  const sum = { inputTokens: 0, outputTokens: 0 };
  for (const [index, { outcome, ms }] of attempts.entries()) {
    const round = outcome === "ok" ? roundAt(rounds, index) : undefined;
    sum.inputTokens += round?.inputTokens ?? 0;
    sum.outputTokens += Math.min(round?.outputTokens ?? 0, unseenTokens(ms));
  }
  return sum;
}

/** By what became of the attempts after it; null of one that is under way. */
export function outcomeBeside({ outcome }: Pick<AttemptRecord, "outcome">, later: readonly (AttemptRecord["outcome"] | null)[]): OutcomeBeside {
  if (outcome === "cancelled") return later.includes("ok") ? "outrun" : "cancelled";
  return later.length > 0 ? "failed-over" : "failed";
}

function roundAt(rounds: readonly CallRound[], index: number): CallRound | undefined {
  return rounds.findLast(({ attemptsBefore }) => attemptsBefore <= index);
}

function usageOf(attempt: AttemptRecord, { inputTokens, outputTokens, searchUnits }: CallRound, searchesOf: SearchesOf): TokenUsage {
  const webSearches = searchesOf(attempt);
  return { ...unknownUsage, inputTokens, outputTokens: Math.min(outputTokens, unseenTokens(attempt.ms)), ...(searchUnits > 0 && { searchUnits }), ...(webSearches > 0 && { webSearches }) };
}

/** Whether its provider may have done what it was asked, and asks for it: who never had the request, or refused it, has not. */
export function mayHaveWorked({ outcome, status, sent }: AttemptRecord): boolean {
  if (!sent || (status !== null && (status < 200 || status > 299))) return false;
  return outcome === "cancelled" || outcome === "timeout" || outcome === "unreachable" || outcome === "broken-answer";
}
