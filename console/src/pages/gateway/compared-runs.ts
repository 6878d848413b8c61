import { formatCount, formatMs } from "../../format.ts";
import { formatNano } from "../costs/money.ts";
import type { ChatRun } from "./chat-run.ts";

/** One side of the playground, as it is called there. */
export interface ComparedRun {
  model: string;
  run: Pick<ChatRun, "state" | "firstMs" | "totalMs" | "usage" | "cost" | "cache" | "trace" | "booked">;
}

/**
 * Which of two whole answers was quicker, which cheaper, and by how much, in sentences. Nothing is said of what is the same as it is shown, or
 * not known of one of them; of cost and tokens nothing before the ledger was asked for both.
 */
export function comparedRuns(first: ComparedRun, second: ComparedRun): string[] {
  if (first.run.state !== "done" || second.run.state !== "done") return [];
  const [a, b] = first.model === second.model ? ["the first", "the second"] : [first.model, second.model];
  const compare = (what: string, better: string, values: readonly [number | null, number | null], words: (value: number, run: ComparedRun["run"]) => string, shown = words): string[] => {
    const [one, other] = values;
    if (one === null || other === null || shown(one, first.run) === shown(other, second.run)) return [];
    const texts = [words(one, first.run), words(other, second.run)];
    return [one < other ? `${what}: ${a} ${better}, ${texts[0]} against ${texts[1]}.` : `${what}: ${b} ${better}, ${texts[1]} against ${texts[0]}.`];
  };
  const isBooked = [first, second].every(({ run }) => run.booked || run.trace === null);
  const costs = isBooked ? compare("Cost", "was cheaper", [first.run.cost, second.run.cost], (cost, { usage }) => `${formatNano(cost)}${usage === null ? "" : ` (${tokenWords(usage)})`}`, formatNano) : [];
  const tokens = isBooked && costs.length === 0 ? compare("Tokens", "took fewer", [tokensOf(first), tokensOf(second)], (total, { usage }) => `${formatCount(total)} (${tokenWords(usage!)})`, formatCount) : [];
  const times = [
    ...compare("First token", "was quicker", [first.run.firstMs, second.run.firstMs], formatMs),
    ...compare("Whole answer", "was quicker", [first.run.totalMs, second.run.totalMs], formatMs),
  ];
  const fromCache = [{ name: a, run: first.run }, { name: b, run: second.run }].filter(({ run }) => run.cache === "hit" || run.cache === "semantic").map(({ name }) => name!);
  // Else somebody takes the better model from it.
  const why = fromCache.length === 1 && times.length + costs.length > 0 ? [`The answer of ${fromCache[0]} came from the cache.`] : [];
  return [...times, ...costs, ...tokens, ...why];
}

function tokensOf({ run: { usage } }: ComparedRun): number | null {
  return usage === null ? null : usage.input + usage.output;
}

function tokenWords({ input, output }: { input: number; output: number }): string {
  return `${formatCount(input)} tokens in, ${formatCount(output)} out`;
}
