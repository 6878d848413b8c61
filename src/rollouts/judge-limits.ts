import { answer, intervalOf, text, type JudgedGate } from "./gate-answers.ts";
import type { ArmFigures, LimitsMet } from "./schemas.ts";
import { againstLimit, errorRateTest, eventRateSequence } from "./statistics/index.ts";

/** Of its calls that a candidate may lose to rate limits and used up quotas of its providers. */
const mostLimited = 0.05;
/** Limits come in bursts: a few at once say little, however unlikely they would be one by one. */
const fewestLimited = 20;

/** Whether a candidate's own accounts are surely too small for its share: it was limited where those of stable were not, more often than may be. */
export function isLimitedBeyond({ requests, limited }: Pick<ArmFigures, "requests" | "limited">, alpha: number): boolean {
  const { calls = 0, own = 0 } = limited ?? {};
  return own >= fewestLimited && againstLimit(eventRateSequence(own, requests + calls, { alpha, side: "greater" }), mostLimited) === "over";
}

/** Of the calls that an arm was given. */
export function limitsMet({ requests, limited }: Pick<ArmFigures, "requests" | "limited">): LimitsMet {
  const calls = limited?.calls ?? 0;
  return { calls, of: requests + calls };
}

/**
 * Null where no call was limited. A provider's limit is no fault of the settings, and says nothing of their answers: such calls are not in the figures. But settings that are limited may not get more traffic, and
 * those whose own accounts surely do not bear it lose theirs. Where the present settings meet limits above what may be too, and the candidate not surely more of them (a conditional test, valid at any time; bursts fall on both by their
 * shares), the account has too little room for either, and nothing is gained by waiting: it is told, and holds nobody. `theirs` is null where nothing is known of the present settings.
 */
export function limits(candidate: ArmFigures | null, theirs: (LimitsMet & { isFormer: boolean }) | null, alpha: number): JudgedGate | null {
  const { calls, own } = candidate?.limited ?? { calls: 0, own: 0 };
  if (candidate === null || calls === 0) return null;
  const all = candidate.requests + calls;
  const bounds = eventRateSequence(own, all, { alpha, side: "greater" });
  const compared = theirs === null || theirs.calls <= mostLimited * theirs.of ? null : errorRateTest([{ stableErrors: theirs.calls, candidateErrors: calls, candidateShare: all / (all + theirs.of) }], { alpha, side: "greater" });
  const isOfBoth = compared?.status === "estimated" && !compared.significant;
  const result = isLimitedBeyond(candidate, alpha) ? "fail" : calls > mostLimited * all && !isOfBoth ? "undecided" : "pass";
  const whose = own === 0 ? "shared with the present settings" : `${own} of them where the present settings were not`;
  const facts = { candidate: calls / all, limit: mostLimited, interval: bounds.status === "no-data" ? null : intervalOf(bounds), ...(theirs === null || theirs.of === 0 ? {} : { stable: theirs.calls / theirs.of }) };
  const beside = theirs === null ? "" : `, and ${theirs.calls} of ${theirs.of} of the present settings did${theirs.isFormer ? " in the phase before" : ""}`;
  const why = calls <= mostLimited * all || compared === null ? "" : isOfBoth ? ": that is no more than chance beside them, and waiting gives nobody more room" : ": more than chance";
  return { ...answer(result, facts, `${calls} of ${all} calls met a limit or a used up quota of their provider, ${whose}; at most ${text(mostLimited * 100)}% may${beside}${why}`), applies: true };
}
