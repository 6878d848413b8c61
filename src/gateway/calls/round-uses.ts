import type { TokenUsage } from "../conversation/chat-answer.ts";
import type { AttemptRecord } from "../routing/call-plan.ts";
import { targetName } from "../routing/target-name.ts";
import type { AttemptUse } from "./call-spans.ts";
import { answeredTokens, type CallRound, type UnseenUse } from "./unseen-use.ts";

/** A round that was answered before the model was asked once more. */
export interface EarlierRound {
  attempt: AttemptRecord;
  usage: TokenUsage;
}

/** Of an entry beside the call's own. */
export interface UseElsewhere extends UnseenUse {
  estimated: boolean;
}

/** What rounds used that another target answered than the one whose entry the call's is; what its provider did not tell counts by estimate. */
export function usesElsewhere(rounds: readonly EarlierRound[], target: Pick<AttemptRecord, "provider" | "model">, begun: readonly CallRound[]): UseElsewhere[] {
  return rounds.flatMap(({ attempt, usage }, index): UseElsewhere[] => {
    if (targetName(attempt) === targetName(target)) return [];
    const { provider, model, ms } = attempt;
    const estimated = usage.inputTokens === null || usage.outputTokens === null;
    const round = begun[index];
    const guess = estimated && round !== undefined ? answeredTokens([attempt], [{ ...round, attemptsBefore: 0 }]) : null;
    const told = guess === null ? usage : { ...usage, inputTokens: usage.inputTokens ?? guess.inputTokens, outputTokens: usage.outputTokens ?? guess.outputTokens };
    return [{ attempt, provider, model, ms, outcome: "failed-over", usage: told, estimated: estimated || usage.searchesEstimated === true }];
  });
}

const parts = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "reasoningTokens"] as const;

/**
 * What each answered attempt of a call used, where several rounds were: the earlier ones what their providers told, at `costOf` it, and `last` the rest of `whole`, so that the sums are those of the call. Where no such rest is
 * left (a price that depends on how long a round was, a provider that told nothing), `last` has all.
 */
export function usesOfRounds(rounds: readonly EarlierRound[], last: AttemptRecord, whole: AttemptUse, costOf: (usage: TokenUsage) => number | null): [AttemptRecord, AttemptUse][] {
  const all: [AttemptRecord, AttemptUse][] = [[last, whole]];
  const uses: [AttemptRecord, AttemptUse][] = [];
  const usage: TokenUsage = { ...whole.usage };
  let { cost } = whole;
  for (const round of rounds) {
    // Its own answer was the last that came.
    if (round.attempt === last) continue;
    const own = costOf(round.usage);
    if (round.usage.inputTokens === null || round.usage.outputTokens === null || (cost === null) !== (own === null)) return all;
    for (const part of parts) usage[part] = usage[part] === null ? null : usage[part] - (round.usage[part] ?? 0);
    cost = cost === null ? null : cost - own!;
    if ((cost ?? 0) < 0 || parts.some((part) => (usage[part] ?? 0) < 0)) return all;
    uses.push([round.attempt, { id: null, usage: round.usage, cost: own }]);
  }
  return [...uses, [last, { ...whole, usage, cost }]];
}
