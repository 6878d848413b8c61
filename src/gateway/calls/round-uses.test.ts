import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { unknownUsage, type TokenUsage } from "../conversation/chat-answer.ts";
import type { AttemptRecord } from "../routing/call-plan.ts";
import { usesOfRounds } from "./round-uses.ts";

const attempt = (model: string): AttemptRecord => ({ provider: "openai", model, since: 0, ms: 1, outcome: "ok", status: 200, message: null, requestId: null, hedge: false, sent: true });
const [first, second, last] = [attempt("one"), attempt("two"), attempt("three")];
const used = (inputTokens: number, outputTokens: number, more: Partial<TokenUsage> = {}): TokenUsage => ({ ...unknownUsage, inputTokens, outputTokens, ...more });
const perToken = ({ inputTokens, outputTokens }: TokenUsage): number => inputTokens! + 4 * outputTokens!;

describe("what rounds of repair used", () => {
  it("stands on the attempt of each, and sums up to what the call used", () => {
    const amount = fc.nat({ max: 100_000 });
    const round = fc.record({ inputTokens: amount, outputTokens: amount, cacheReadTokens: fc.option(amount), cacheWriteTokens: fc.constant(null), reasoningTokens: fc.option(amount) });
    fc.assert(fc.property(fc.array(round, { minLength: 1, maxLength: 4 }), (rounds) => {
      const sum = (part: "inputTokens" | "outputTokens" | "cacheReadTokens" | "reasoningTokens", of: readonly TokenUsage[]): number => of.reduce((total, usage) => total + (usage[part] ?? 0), 0);
      const usage = used(sum("inputTokens", rounds), sum("outputTokens", rounds), { cacheReadTokens: sum("cacheReadTokens", rounds), reasoningTokens: sum("reasoningTokens", rounds) });
      const attempts = rounds.map(({ inputTokens }) => attempt(String(inputTokens)));
      const earlier = rounds.slice(0, -1).map((told, index) => ({ attempt: attempts[index]!, usage: told }));
      const uses = usesOfRounds(earlier, attempts.at(-1)!, { id: "led_1", usage, cost: perToken(usage) }, perToken);
      assert.deepEqual(uses.map(([of]) => of), attempts);
      for (const [index, [, use]] of uses.entries()) {
        assert.deepEqual([use.usage.inputTokens, use.usage.outputTokens, use.cost, use.usage.cacheReadTokens ?? 0], [rounds[index]!.inputTokens, rounds[index]!.outputTokens, perToken(rounds[index]!), rounds[index]!.cacheReadTokens ?? 0]);
        assert.equal(use.id, index === rounds.length - 1 ? "led_1" : null);
      }
    }));
  });

  it("stands on the last one where it cannot be told apart", () => {
    const whole = { id: null, usage: used(30, 30), cost: 100 };
    const all = [[last, whole]];
    const of = (rounds: readonly [AttemptRecord, TokenUsage][], costOf: (usage: TokenUsage) => number | null = perToken, sum = whole) => usesOfRounds(rounds.map(([who, usage]) => ({ attempt: who, usage })), last, sum, costOf);
    assert.deepEqual(of([]), all);
    assert.deepEqual(of([[first, unknownUsage]]), all, "nothing was told");
    assert.deepEqual(of([[first, used(10, 31)]]), all, "more than all");
    assert.deepEqual(of([[first, used(10, 10)], [second, used(20, 20)]]), all, "dearer than all");
    assert.deepEqual(of([[first, used(10, 10)]], () => null), all, "no price for a part");
    assert.deepEqual(of([[last, used(10, 10)]]), all, "the next round was not answered");
    assert.deepEqual(of([[first, used(10, 10)]], () => null, { ...whole, cost: null as never }).map(([, { usage, cost }]) => [usage.inputTokens, cost]), [[10, null], [20, null]], "no price at all");
  });
});
