import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { MemoryBudgetStore, type BudgetStore } from "../../ledger/index.ts";
import { ManualTime } from "../routing/call-stage.fixture.ts";
import { openAiQuestion, splitOf, splitStage } from "../split/split-stage.fixture.ts";
import { recordOfFailure } from "./call-record.ts";

/** A thousandth of a dollar for a token: too dear for a budget of half a dollar a call, and not. */
const dear = openAiQuestion({ max_tokens: 1000 });
const cheap = openAiQuestion({ max_tokens: 20 });
const settings = { limits: { requestsPerMinute: 1, tokensPerMinute: 1030, concurrency: 1 }, budget: { perQuery: 0.5 } };

type Stage = Awaited<ReturnType<typeof splitStage>>;

async function refusal(stage: Stage, question: object): Promise<AppError> {
  try {
    await stage.ask(question);
  } catch (error) {
    assert.ok(error instanceof AppError);
    return error;
  }
  return assert.fail("it was let in");
}

/** A store of budgets that is away, as one that is shared may be. */
function awayStore(): BudgetStore {
  const store = new MemoryBudgetStore({ clock: new ManualTime() });
  const away = (): Promise<never> => Promise.reject(new AppError("BUDGET_UNAVAILABLE", "The store of budgets does not answer."));
  return Object.assign(Object.create(store) as BudgetStore, { reserve: away });
}

describe("A call that is refused for money", () => {
  it("takes nothing of the limits, however often it comes", async () => {
    const stage = await splitStage({ stable: settings });
    for (let call = 0; call < 5; call++) assert.equal((await refusal(stage, dear)).code, "BUDGET_EXCEEDED");
    await stage.ask(cheap);
    assert.equal((await refusal(stage, cheap)).code, "RATE_LIMITED");
  });

  it("is told what is left without it", async () => {
    const stage = await splitStage({ stable: settings });
    const { requests, tokens } = recordOfFailure.get(await refusal(stage, dear))!.limits!.left;
    assert.deepEqual([requests, tokens], [{ limit: 1, remaining: 1, resetMs: 0 }, { limit: 1030, remaining: 1030, resetMs: 0 }]);
  });

  it("takes nothing where budgets cannot be asked, or its price is not known", async () => {
    const away = await splitStage({ stable: { ...settings, budget: { day: 1 } }, budgets: awayStore() });
    for (let call = 0; call < 3; call++) assert.equal((await refusal(away, cheap)).code, "BUDGET_UNAVAILABLE");
    const tiers = await splitStage({ stable: settings });
    for (let call = 0; call < 3; call++) assert.equal((await refusal(tiers, { ...cheap, service_tier: "priority" })).code, "PRICE_UNKNOWN");
    await tiers.ask(cheap);
  });

  it("takes nothing of the limits that the arms of a rollout share", async () => {
    for (const retryOnStable of [true, false]) {
      const stage = await splitStage({ stable: settings, candidate: settings });
      await stage.splits.apply(splitOf(1, { retryOnStable }));
      for (let call = 0; call < 3; call++) assert.equal((await refusal(stage, dear)).code, "BUDGET_EXCEEDED");
      await stage.ask(cheap);
      assert.equal((await refusal(stage, cheap)).code, "RATE_LIMITED");
    }
  });

  it("lets the limits hold all the same, of as many as come at once", async () => {
    const stage = await splitStage({ stable: { limits: { requestsPerMinute: 40 }, budget: { perQuery: 0.5 } } });
    const endings = await Promise.all(Array.from({ length: 500 }, (_, call) => stage.ask(call % 3 === 0 ? cheap : dear).then(() => "ok", ({ code }: AppError) => code)));
    const count = (ending: string): number => endings.filter((each) => each === ending).length;
    // Those that come after the last place is taken are refused by the limit, whatever they may cost.
    assert.deepEqual([count("ok"), stage.models.asked.length, count("BUDGET_EXCEEDED"), count("RATE_LIMITED")], [40, 40, 78, 382]);
  });
});
