import assert from "node:assert/strict";
import { it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { PriceBook, type LedgerEntry } from "../ledger/index.ts";
import { CallLedger, type CallLedgerParts } from "./call-ledger.ts";
import { unknownUsage } from "./conversation/chat-answer.ts";

it("CallLedger writes an entry for a call whose budget cannot be settled", async () => {
  const clock = new ManualClock(1_795_262_400_000);
  const written: Omit<LedgerEntry, "id">[] = [];
  const broken = new Error("no such script");
  const calls = new CallLedger({
    clock, ids: new TimeOrderedIds(clock), prices: new PriceBook(), provider: () => null,
    keeper: { settle: () => Promise.reject(broken) } as unknown as CallLedgerParts["keeper"],
    ledger: { record: ({ id: _id, ...entry }: LedgerEntry) => Promise.resolve(void written.push(entry)) } as unknown as CallLedgerParts["ledger"],
  });
  const entry = {
    time: epochMs(clock.now()), provider: "openai", model: "gpt-5-mini", outcome: "ok", estimated: false, cost: 7, priceVersion: "2026-08-21", totalMs: 1, firstByteMs: null,
    attribution: { actor: "key:key_1", team: "search", project: null, route: "chat", user: null, session: null, traceId: null, agentRun: null, tags: {} },
  } as const;
  const reservation = { id: "rsv_1", scopes: [], amount: 9, since: epochMs(clock.now()) };
  await assert.rejects(calls.settle(reservation, { ...entry, usage: { ...unknownUsage, inputTokens: 5, outputTokens: 2 } }), broken);
  assert.deepEqual(written, [{ ...entry, kind: "llm", tokens: { input: 5, cacheRead: null, cacheWrite: null, output: 2 } }]);
});
