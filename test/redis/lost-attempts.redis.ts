import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openRedis, RedisBudgetStore, type RedisConnection } from "../../src/adapters/redis/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { AppError } from "../../src/core/errors.ts";
import { settled } from "../../src/gateway/routing/call-stage.fixture.ts";
import { openAiQuestion, splitStage, textOf } from "../../src/gateway/split/split-stage.fixture.ts";
import type { BudgetStore } from "../../src/ledger/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { RedisServer } from "./redis-server.ts";

/** The store, and whether somebody waits for Redis now. */
function watched(store: BudgetStore): { store: BudgetStore; isAsked(): boolean } {
  let asked = 0;
  const whileAsked = async <Value>(answer: Value | Promise<Value>): Promise<Value> => {
    asked++;
    try {
      return await answer;
    } finally {
      asked--;
    }
  };
  return {
    isAsked: () => asked > 0,
    store: {
      reserve: (...given) => whileAsked(store.reserve(...given)), renew: (...given) => whileAsked(store.renew(...given)), settle: (...given) => whileAsked(store.settle(...given)), release: (...given) => whileAsked(store.release(...given)),
      states: (...given) => whileAsked(store.states(...given)),
    },
  };
}

describe("a budget on Redis over calls of two servers that fail over from providers that stall", () => {
  let server: RedisServer;
  let redis: RedisConnection;
  before(async () => {
    server = await RedisServer.start();
    redis = await openRedis({ url: server.url(), clock: systemClock, commandMs: 30_000, connectMs: 30_000 });
  });
  after(async () => {
    await redis.close();
    await server.remove();
  });

  it("is not exceeded by a cent by 500 callers at once", async () => {
    const limit = 30;
    const targets = ["a", "b", "c"].map((model, priority) => ({ provider: "models", model, priority }));
    const replicas = await Promise.all([0, 1].map(async () => {
      const { store, isAsked } = watched(new RedisBudgetStore({ redis }));
      return { isAsked, ...(await splitStage({ budgets: store, scripts: { a: { afterMs: Infinity }, b: { afterMs: Infinity }, c: {} }, stable: { targets, firstByteMs: 300, attempts: 1, budget: { day: limit } } })) };
    }));
    const told: string[] = [];
    const calls = replicas.flatMap(({ ask }) => Array.from({ length: 250 }, async () => {
      try {
        await textOf(await ask(openAiQuestion({ max_tokens: 100 })));
        told.push("ok");
      } catch (error) {
        told.push(error instanceof AppError ? error.code : assert.fail(String(error)));
      }
    }));
    while (told.length < calls.length) {
      await settled();
      // Time stands still while somebody waits for Redis.
      if (replicas.some(({ isAsked }) => isAsked())) await betweenLooks();
      else for (const { time } of replicas) await time.pass(100);
    }
    assert.deepEqual([...new Set(told)].sort(), ["BUDGET_EXCEEDED", "ok"]);
    while (replicas.some(({ isAsked }) => isAsked())) await betweenLooks();
    const { spent, reserved } = await replicas[0]!.budgetUse();
    const inLedger = replicas.flatMap(({ entries }) => entries).reduce((sum, { cost }) => sum + cost!, 0);
    assert.deepEqual([reserved, Math.round(spent * 1e9)], [0, inLedger]);
    assert.ok(spent > limit / 2 && inLedger <= limit * 1e9, `${spent} of ${limit}`);
  });
});
