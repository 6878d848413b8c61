import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import type { Settlement } from "./budget-keeper.ts";
import type { CallBegun, CallInterrupted } from "./call-journal.ts";
import { CallsUnderWay } from "./calls-under-way.ts";
import { interruptedEntries } from "./interrupted-entry.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import { ledgerEntry } from "./ledger-store.conformance.ts";
import { PriceBook } from "./prices/price-book.ts";
import { recoverInterrupted } from "./recover-interrupted.ts";

const noon = 1_795_262_400_000;
const { attribution } = ledgerEntry();

function begun(id: string, change: Partial<CallBegun> = {}): CallBegun {
  return { id, time: epochMs(noon), attribution, provider: "openai", kind: "openai", model: "gpt-5-mini", tier: null, inputTokens: 1000, mostOutputTokens: 4096, searchUnits: 0, reservation: null, ...change };
}

function underWayAt() {
  const clock = new ManualClock(noon);
  const notes: { begun: string[]; ended: readonly string[] }[] = [];
  const alarms = new Set<{ at: number; ring: () => void }>();
  let ids = 0;
  const underWay = new CallsUnderWay({
    clock, nextId: () => `led_${++ids}`,
    journal: { note: (calls, ended) => void notes.push({ begun: calls.map(({ id, model }) => `${id} ${model}`), ended }) },
    alarm: (milliseconds, ring) => {
      const alarm = { at: clock.monotonic() + milliseconds, ring };
      alarms.add(alarm);
      return () => void alarms.delete(alarm);
    },
  });
  const pass = (milliseconds: number): void => {
    for (const end = clock.monotonic() + milliseconds; ;) {
      const [next] = [...alarms].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      clock.advance((next?.at ?? end) - clock.monotonic());
      if (next === undefined) return;
      alarms.delete(next);
      next.ring();
    }
  };
  return { underWay, notes, alarms, pass };
}

describe("CallsUnderWay", () => {
  it("writes nothing of calls that are over within a moment, and asks nothing of them", () => {
    const { underWay, notes, alarms, pass } = underWayAt();
    for (let call = 0; call < 100; call++) {
      const { over } = underWay.begin(() => assert.fail("asked"));
      void over;
    }
    const { underWay: quick, notes: none, pass: passQuick } = underWayAt();
    for (let call = 0; call < 100; call++) {
      quick.begin(() => assert.fail("asked")).over();
      passQuick(1);
    }
    passQuick(1000);
    assert.deepEqual(none, []);
    assert.equal(alarms.size, 1);
    assert.throws(() => pass(100), /asked/);
    assert.deepEqual(notes, []);
  });

  it("writes down each that takes longer once, that it went to another provider, and that it is over; and that the process lives meanwhile", () => {
    const { underWay, notes, alarms, pass } = underWayAt();
    let model = "a";
    const call = underWay.begin((id) => begun(id, { model }));
    pass(10);
    const other = underWay.begin((id) => begun(id, { model: "z" }));
    pass(50);
    assert.deepEqual(notes.splice(0), [{ begun: ["led_1 a", "led_2 z"], ended: [] }]);
    model = "b";
    call.changed();
    call.changed();
    pass(50);
    assert.deepEqual(notes.splice(0), [{ begun: ["led_1 b"], ended: [] }]);
    pass(2500);
    assert.deepEqual(notes.splice(0), [{ begun: [], ended: [] }, { begun: [], ended: [] }]);
    call.over();
    call.over();
    call.changed();
    other.over();
    assert.equal(call.id, "led_1");
    pass(5000);
    assert.deepEqual(notes, [{ begun: [], ended: ["led_1", "led_2"] }]);
    assert.equal(alarms.size, 0);
  });

  it("hands over at its end which calls are over", () => {
    const { underWay, notes, alarms, pass } = underWayAt();
    const call = underWay.begin(begun);
    pass(50);
    call.over();
    underWay.stop();
    assert.deepEqual([notes.at(-1)!.ended, alarms.size], [["led_1"], 0]);
    underWay.begin(begun);
    assert.equal(alarms.size, 0);
  });
});

describe("a call that was under way when the process died", () => {
  const interrupted = (change: Partial<CallInterrupted> = {}): CallInterrupted => ({ ...begun("led_1"), lastSeenAt: epochMs(noon + 3000), ...change });

  it("costs its input and what there was time to write, up to what was asked for", () => {
    const prices = new PriceBook();
    const interruptedEntry = (...given: Parameters<typeof interruptedEntries>): LedgerEntry => {
      const [entry, ...beside] = interruptedEntries(...given);
      assert.deepEqual(beside, []);
      return entry!;
    };
    const entry = interruptedEntry(interrupted(), prices);
    assert.deepEqual([entry.outcome, entry.estimated, entry.tokens, entry.totalMs], ["interrupted", true, { input: 1000, cacheRead: null, cacheWrite: null, output: 1000 }, 4000]);
    assert.equal(entry.cost, 1000 * 250 + 1000 * 2000);
    assert.equal(interruptedEntry(interrupted({ mostOutputTokens: 10 }), prices).tokens.output, 10);
    const searched = interruptedEntry(interrupted({ model: "gpt-4o-search-preview", webSearches: 2 }), prices);
    const { cost, units } = interruptedEntry(interrupted({ model: "gpt-4o-search-preview" }), prices);
    assert.deepEqual([searched.units, units, searched.cost! > cost! && (searched.cost! - cost!) / 2 >= 10e6], [{ webSearches: 2 }, undefined, true]);
    assert.equal(interruptedEntry(interrupted({ tier: "priority" }), prices).cost, 1000 * 450 + 1000 * 3600);
    assert.deepEqual([interruptedEntry(interrupted({ model: "unheard-of" }), prices).cost, interruptedEntry(interrupted({ lastSeenAt: epochMs(noon - 9000) }), prices).totalMs], [null, 1000]);
  });

  it("has an entry for each attempt that may have worked beside: what was lost before, and what was under way with it, by their own times", () => {
    const beside = { provider: "openai", kind: "openai", model: "gpt-5", tier: null, since: epochMs(noon), inputTokens: 500, mostOutputTokens: 4096, searchUnits: 0, webSearches: 0 };
    const all = interruptedEntries(interrupted({ since: epochMs(noon + 1000), beside: [{ ...beside, id: "led_2", ended: { ms: 900, outcome: "failed-over" } }, { ...beside, id: "led_3", since: epochMs(noon + 2000), ended: null }] }), new PriceBook());
    assert.deepEqual(all.map(({ id, outcome, time, totalMs, tokens: { input, output } }) => [id, outcome, time, totalMs, input, output]), [
      ["led_1", "interrupted", noon, 4000, 1000, 750], ["led_2", "failed-over", noon, 900, 500, 225], ["led_3", "interrupted", noon, 2000, 500, 500],
    ]);
    assert.deepEqual(all.slice(1).map(({ cost, estimated }) => [cost, estimated]), [[500 * 1250 + 225 * 10_000, true], [500 * 1250 + 500 * 10_000, true]]);
  });

  it("gets one entry and is settled once, unless its own was written at the last moment", async () => {
    const written = new Map<string, LedgerEntry>([["led_2", ledgerEntry({ id: "led_2" })]]);
    const settled: [string | undefined, Settlement][] = [];
    let left: CallInterrupted[] = [interrupted({ reservation: { id: "rsv_1", scopes: [] } }), interrupted({ id: "led_2" })];
    const recover = (): Promise<void> => recoverInterrupted({
      journal: { interrupted: () => Promise.resolve(left), forget: () => Promise.resolve(void (left = [])) },
      store: { known: (ids) => Promise.resolve(new Set(ids.filter((id) => written.has(id)))), add: (entries) => Promise.resolve(void entries.map((text) => JSON.parse(text) as LedgerEntry).forEach((entry) => written.set(entry.id, entry))) },
      keeper: { settle: (reservation, settlement) => void settled.push([reservation?.id, settlement]) }, prices: new PriceBook(), logger: silentLogger,
    }, epochMs(noon + 60_000));
    await recover();
    await recover();
    assert.deepEqual([[...written.values()].map(({ id, outcome }) => [id, outcome]), left], [[["led_2", "ok"], ["led_1", "interrupted"]], []]);
    assert.deepEqual(settled, [["rsv_1", { attribution, since: noon, actualNano: written.get("led_1")!.cost }]]);
  });
});
