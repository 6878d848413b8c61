import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { anonymousCaller, localCaller, type Caller } from "../core/caller.ts";
import { epochMs, ManualClock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import type { LedgerJournal } from "./ledger-journal.ts";
import { LedgerService } from "./ledger-service.ts";
import { ledgerEntry } from "./ledger-store.conformance.ts";
import type { CostQuery, EntryWhole, LedgerStore } from "./ledger-store.ts";

const noon = epochMs(1_795_262_400_000);

/** A journal and a database in memory, each of which can be made to fail. */
function ledgerAt() {
  const clock = new ManualClock(noon);
  const logged: { event: string; fields: unknown }[] = [];
  const note = (event: string, fields?: unknown): void => void logged.push({ event, fields });
  const logger: Logger = { info: note, warn: note, error: note };
  const written = new Map<string, LedgerEntry>();
  const asked: [teams: readonly string[] | null, actor: string | null][] = [];
  const faults = { database: false, journal: false, frozen: false };
  let journaled: LedgerEntry[] = [];
  const rings: (() => void)[] = [];
  let spentAsked = 0;
  const add = (entries: readonly string[]): Promise<void> => {
    if (faults.frozen) return new Promise(() => undefined);
    if (faults.database) return Promise.reject(new Error("away"));
    for (const entry of entries.map((text) => JSON.parse(text) as LedgerEntry)) written.set(entry.id, entry);
    return Promise.resolve();
  };
  const complete = (told: readonly EntryWhole[]): Promise<void> => {
    if (faults.database) return Promise.reject(new Error("away"));
    for (const { id, session, agentRun } of told) {
      const entry = written.get(id);
      if (entry !== undefined) written.set(id, { ...entry, attribution: { ...entry.attribution, session, agentRun } });
    }
    return Promise.resolve();
  };
  const store: LedgerStore = {
    add, complete,
    costs: ({ teams, actor }: CostQuery) => (asked.push([teams, actor]), Promise.resolve([])),
    entries: () => Promise.resolve([...written.values()]),
    forTrace: () => Promise.resolve([...written.values()]),
    known: (ids) => Promise.resolve(new Set(ids.filter((id) => written.has(id)))),
    spentBetween: (since, until) => (spentAsked++, Promise.resolve([...written.values()].filter(({ time }) => time >= since && time < until).map(({ attribution, cost }) => ({ ...attribution, cost: cost ?? 0 })))),
    prune: () => Promise.resolve(0),
  };
  const journal: LedgerJournal = {
    append: (entry) => (faults.journal ? Promise.reject(new Error("full")) : (journaled.push(entry), Promise.resolve())),
    seal: () => {
      const part = journaled;
      return Promise.resolve(part.length === 0 ? [] : [{ entries: () => Promise.resolve(part.map((entry) => JSON.stringify(entry))), remove: () => Promise.resolve(void (journaled = journaled.filter((entry) => !part.includes(entry)))) }]);
    },
    close: () => Promise.resolve(),
  };
  const open = () => new LedgerService({ store, journal, clock, logger, alarm: (_milliseconds, ring) => (rings.push(ring), () => undefined) });
  return { clock, logged, written, asked, faults, rings, journaled: () => journaled, looks: () => spentAsked, open };
}

const range = { since: epochMs(0), until: epochMs(9e12) };

describe("LedgerService", () => {
  it("shows what was recorded a moment ago", async () => {
    const { open } = ledgerAt();
    const ledger = open();
    await ledger.start(noon);
    await ledger.record(ledgerEntry({ id: "led_1", time: noon }));
    assert.deepEqual((await ledger.entries(localCaller, { ...range, filter: {}, after: null, limit: 9 })).map(({ id }) => id), ["led_1"]);
  });

  it("completes entries once they are written, also where the database was away meanwhile, with texts that a database can keep", async () => {
    const { open, faults, written } = ledgerAt();
    const ledger = open();
    await ledger.start(noon);
    faults.database = true;
    await ledger.record(ledgerEntry({ id: "led_1", time: noon }));
    ledger.complete([{ id: "led_1", session: "a\0b", agentRun: "r".repeat(1000) }]);
    await assert.rejects(ledger.drain());
    faults.database = false;
    await ledger.drain();
    const { session, agentRun } = written.get("led_1")!.attribution;
    assert.deepEqual([session, agentRun?.length], ["a\ufffdb", 256]);
  });

  it("takes entries while the database is away, writes them when it is back, and loses none over a restart", async () => {
    const { open, faults, written, rings, journaled, logged } = ledgerAt();
    const ledger = open();
    await ledger.start(noon);
    faults.database = true;
    for (const id of ["led_1", "led_2"]) await ledger.record(ledgerEntry({ id, time: noon }));
    rings.shift()!();
    await assert.rejects(ledger.drain());
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([written.size, journaled().length, rings.length], [0, 2, 1]);
    await ledger.stop();
    faults.database = false;
    const next = open();
    await next.start(noon);
    assert.deepEqual([[...written.keys()], journaled().length], [["led_1", "led_2"], 0]);
    assert.deepEqual([next.spent("key:key_1/day/2026-11-21"), next.spent("team:search/month/2026-11")], [2000, 2000]);
    assert.ok(logged.some(({ event }) => event === "ledger.not-written"));
  });

  it("goes on when the journal fails: calls are counted, and the log says what is missing", async () => {
    const { open, faults, logged } = ledgerAt();
    const ledger = open();
    await ledger.start(noon);
    faults.journal = true;
    await ledger.record(ledgerEntry({ time: noon, cost: 5 }));
    await ledger.record(ledgerEntry({ time: noon, cost: 6 }));
    assert.equal(ledger.spent("key:key_1/day/2026-11-21"), 11);
    faults.journal = false;
    await ledger.record(ledgerEntry({ time: noon, cost: 7 }));
    assert.deepEqual(logged.map(({ event, fields }) => (event === "ledger.entries-lost" ? fields : event)), ["ledger.journal-failed", { entries: 2, nanoDollars: 11 }]);
    // Those of each failure, for the metrics.
    faults.journal = true;
    await ledger.record(ledgerEntry({ time: noon, cost: null }));
    assert.deepEqual(ledger.lostInAll, { entries: 3, cost: 11 });
  });

  it("counts for key, team, project and route in the day and the month of now, and forgets windows that are over", async () => {
    const { open, clock } = ledgerAt();
    const ledger = open();
    await ledger.start(noon);
    const attribution = { project: "web", route: "chat" };
    await ledger.record(ledgerEntry({ time: noon, cost: 5, attribution }));
    for (const owner of ["key:key_1", "team:search", "project:search/web", "route:chat"]) assert.deepEqual([ledger.spent(`${owner}/day/2026-11-21`), ledger.spent(`${owner}/month/2026-11`)], [5, 5]);
    clock.advance(86_400_000);
    // It began on the day before.
    await ledger.record(ledgerEntry({ time: noon, cost: 1, attribution }));
    assert.deepEqual([ledger.spent("route:chat/day/2026-11-21"), ledger.spent("route:chat/day/2026-11-22"), ledger.spent("route:chat/month/2026-11")], [6, 0, 6]);
  });

  it("keeps sums right when the clock is set back over midnight, or forward and back", async () => {
    const { open, clock, written } = ledgerAt();
    const ledger = open();
    const [day, hour] = [86_400_000, 3_600_000];
    // Half past midnight of the 22nd; the evening before and the day before that are in the database.
    for (const [id, time, cost] of [["led_a", noon + 11 * hour, 40], ["led_b", noon - 22 * day, 7]] as const) written.set(id, ledgerEntry({ id, time: epochMs(time), cost }));
    clock.set(12.5 * hour);
    await ledger.start(clock.now());
    const spend = (cost: number): Promise<void> => ledger.record(ledgerEntry({ id: `led_${clock.now()}_${cost}`, time: clock.now(), cost }));
    const spent = (): number[] => ["day/2026-11-21", "day/2026-11-22", "month/2026-11", "month/2026-10"].map((window) => ledger.spent(`team:search/${window}`));
    await spend(1);
    assert.deepEqual(spent(), [40, 1, 41, 7]);
    clock.set(-hour);
    await spend(2);
    assert.deepEqual(spent(), [42, 1, 43, 7]);
    clock.set(hour);
    await spend(4);
    assert.deepEqual(spent(), [42, 5, 47, 7]);
    // A wrong clock, for a moment: the next month and back, and a year that is long over.
    for (const change of [20 * day, 3 * day, 4 * day, -27 * day]) {
      clock.set(change);
      await ledger.refreshWindows(clock.now());
    }
    await spend(8);
    assert.deepEqual([spent()[1], spent()[2]], [13, 55]);
    clock.set(-400 * day);
    await ledger.refreshWindows(clock.now());
    clock.set(400 * day);
    await ledger.refreshWindows(clock.now());
    assert.deepEqual([spent()[1], spent()[2]], [13, 55]);
    // A call that ends on the day after it began.
    const late = clock.now();
    clock.set(day);
    await ledger.record(ledgerEntry({ id: "led_late", time: late, cost: 16 }));
    assert.deepEqual([spent()[1], spent()[2]], [29, 71]);
  });

  it("knows what other servers spent once it has looked, and counts nothing twice", async () => {
    const { open, written } = ledgerAt();
    const ledger = open();
    await ledger.start(noon);
    await ledger.record(ledgerEntry({ time: noon, cost: 5 }));
    await ledger.refresh(noon);
    assert.equal(ledger.spent("team:search/day/2026-11-21"), 5);
    await ledger.drain();
    for (const cost of [20, 30]) written.set(`of another ${cost}`, ledgerEntry({ time: noon, cost }));
    await ledger.refresh(noon);
    assert.equal(ledger.spent("team:search/day/2026-11-21"), 55);
  });

  it("looks for what other servers spent where a store of all servers asks, once for all who ask meanwhile, and goes by what it knows where the database fails or takes long", async () => {
    const { open, looks, written, faults, rings } = ledgerAt();
    const ledger = open();
    await ledger.start(noon);
    const scope = "team:search/day/2026-11-21";
    const spends = (id: string, cost: number): void => void written.set(id, ledgerEntry({ id, time: noon, cost }));
    await ledger.record(ledgerEntry({ id: "own", time: noon, cost: 5 }));
    spends("one", 20);
    assert.equal(await ledger.spentByNow(scope), 25);
    const before = looks();
    const first = ledger.spentByNow(scope);
    // What comes to the database while a look is under way, that one may not see.
    const more = Promise.all([ledger.spentByNow(scope), ledger.spentByNow(scope)]);
    await first;
    spends("two", 30);
    assert.deepEqual([await more, looks() - before], [[55, 55], 2]);
    faults.database = true;
    await ledger.record(ledgerEntry({ id: "own too", time: noon, cost: 7 }));
    assert.equal(await ledger.spentByNow(scope), 62);
    faults.frozen = true;
    const asked = ledger.spentByNow(scope);
    rings.at(-1)!();
    assert.equal(await asked, 62);
  });

  it("takes texts that callers chose, as far as a database can keep them", async () => {
    const { open, written } = ledgerAt();
    const ledger = open();
    await ledger.start(noon);
    await ledger.record(ledgerEntry({ id: "led_1", time: noon, attribution: { user: "a\0b\ud800", session: "", tags: { "x\0": "y".repeat(1000), ...Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`t${index}`, "v"])) } } }));
    await ledger.drain();
    const { user, session, tags } = written.get("led_1")!.attribution;
    assert.deepEqual([user, session, tags["x\ufffd"]?.length, Object.keys(tags).length], ["a\ufffdb\ufffd", null, 256, 32]);
  });

  it("shows callers the teams that they see the whole of, and their own calls", async () => {
    const { open, asked } = ledgerAt();
    const ledger = open();
    const of = (...grants: Caller["grants"]): Caller => ({ actor: "key:1", name: "", grants });
    for (const caller of [localCaller, of({ role: "viewer", team: "a" }, { role: "admin", team: "b" }, { role: "admin", team: "c", models: ["m"] }), of({ role: "admin", team: "*", models: ["m"] }), anonymousCaller]) {
      await ledger.costs(caller, { ...range, by: [], filter: {} }, 1);
    }
    assert.deepEqual(asked, [[null, "local"], [["a", "b"], "key:1"], [[], "key:1"], [[], null]]);
  });
});
