import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { epochMs } from "../core/clock.ts";
import { began, exampleRecord, keyOf, now } from "./example-spans.fixture.ts";
import type { TraceSession } from "./schemas.ts";
import type { Attributes } from "./span.ts";
import type { SpanRecord } from "./stored-span.ts";
import type { StoredTrace, TraceStore, VisibleTraces } from "./trace-store.ts";

interface Told {
  trace: number;
  span: number;
  team: string;
  experiment: string;
  session: string | null;
  user: string | null;
  /** Milliseconds after `began`; few, so that traces begin at once. */
  start: number;
  end: number | null;
  failed: boolean;
  input: number | null;
}

type Step = { write: Told[] } | { remove: { trace: number; team: string } } | { prune: number } | { describe: { trace: number; team: string; session: string; user: string } };

const teams = ["blue", "red"];
const experiments = ["1", "2"];
const sessions = ["a", "b", "ä c"];
const users = ["ann", "bob"];
const trace = fc.integer({ min: 1, max: 12 });
const told: fc.Arbitrary<Told> = fc.record({
  trace, span: fc.integer({ min: 1, max: 3 }), team: fc.constantFrom(...teams), experiment: fc.constantFrom(...experiments), session: fc.option(fc.constantFrom(...sessions), { nil: null }), user: fc.option(fc.constantFrom(...users), { nil: null }),
  start: fc.integer({ min: 0, max: 9 }), end: fc.option(fc.integer({ min: 10, max: 14 }), { nil: null }), failed: fc.boolean(), input: fc.option(fc.constantFrom(0, 3), { nil: null }),
});
const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 5, arbitrary: fc.record({ write: fc.array(told, { minLength: 1, maxLength: 12, size: "max" }) }) }, { weight: 2, arbitrary: fc.record({ remove: fc.record({ trace, team: fc.constantFrom(...teams) }) }) },
  { weight: 1, arbitrary: fc.record({ prune: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ describe: fc.record({ trace, team: fc.constantFrom(...teams), session: fc.constantFrom(...sessions), user: fc.constantFrom(...users) }) }) },
), { minLength: 1, maxLength: 10, size: "max" });
const asked: readonly { visible: VisibleTraces; user?: string }[] = [
  { visible: "all" }, { visible: "all", user: "ann" }, { visible: { teams: ["blue"], experiments: [] } }, { visible: { teams: [], experiments: ["2"] } }, { visible: { teams: ["red"], experiments: ["1"] }, user: "bob" }, { visible: { teams: [], experiments: [] } },
];

function recordOf({ trace: number, span, team, experiment, session, user, start, end, failed, input }: Told): SpanRecord {
  const at = (milliseconds: number): bigint => began + BigInt(milliseconds) * 1_000_000n;
  const attributes: Attributes = { ...(session === null ? {} : { "session.id": session }), ...(user === null ? {} : { "user.id": user }), ...(input === null ? {} : { "gen_ai.usage.input_tokens": input }) };
  return exampleRecord(number, span, { start: at(start), end: end === null ? null : at(end), status: { code: failed ? "error" : "ok", message: "" }, attributes }, { team, experiment });
}

/** From nothing: out of the traces that are seen and their spans. */
async function grouped(store: TraceStore, { visible, user }: { visible: VisibleTraces; user?: string }): Promise<TraceSession[]> {
  const { items } = await store.search({ visible, ...(user === undefined ? {} : { user }), attributes: {}, order: "start", limit: 100 });
  const groups = Map.groupBy(items.filter(({ summary }) => summary.session !== null), ({ summary }) => `${summary.session!} ${summary.team}`);
  const found = await Promise.all([...groups.values()].map((traces) => groupOf(store, traces)));
  return found.sort((one, other) => other.last - one.last || compare(other.group.session, one.group.session) || compare(other.group.team, one.group.team)).map(({ group }) => group);
}

async function groupOf(store: TraceStore, traces: readonly StoredTrace[]): Promise<{ last: number; group: TraceSession }> {
  const { session, team } = traces[0]!.summary;
  const times = await Promise.all(traces.map(async ({ summary: { traceId, start, durationMs } }) => {
    const spans = await store.spans({ traceId, team }, 100);
    if (spans.length === 0) return { start, end: start + (durationMs ?? 0) };
    const ms = (nanoseconds: bigint): number => Number(nanoseconds / 1_000_000n);
    const ends = spans.flatMap(({ end }) => (end === null ? [] : [ms(end)]));
    const first = Math.min(...spans.map((span) => ms(span.start)));
    return { start: first, end: ends.length === 0 ? first : Math.max(...ends) };
  }));
  const sum = (values: readonly (number | null)[]): number | null => (values.every((value) => value === null) ? null : values.reduce<number>((all, value) => all + (value ?? 0), 0));
  return {
    last: Math.max(...times.map(({ start }) => start)),
    group: {
      session: session!, team, user: traces.reduce<string | null>((last, { summary: { user } }) => (user !== null && (last === null || user > last) ? user : last), null), traces: traces.length,
      errors: traces.filter(({ summary }) => summary.errors > 0).length, start: Math.min(...times.map(({ start }) => start)), end: Math.max(...times.map(({ end }) => end)),
      inputTokens: sum(traces.map(({ summary }) => summary.inputTokens)), outputTokens: sum(traces.map(({ summary }) => summary.outputTokens)), cost: sum(traces.map(({ summary }) => summary.cost)),
    },
  };
}

function compare(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

async function pages(store: TraceStore, request: { visible: VisibleTraces; user?: string }, limit: number): Promise<TraceSession[]> {
  const all: TraceSession[] = [];
  for (let after: string | null = null; ;) {
    const page = await store.sessions({ ...request, after, limit });
    all.push(...page.items);
    after = page.next;
    if (after === null) return all;
    assert.equal(page.items.length, limit);
  }
}

/** That sessions are what their traces are, page by page: a part of `traceStoreConformance`. */
export function traceSessionsConformance(adapter: string, open: () => Promise<TraceStore>): void {
  describe(`sessions of TraceStore: ${adapter}`, () => {
    it("are their traces' sums, by the newest one, whoever asks, whatever comes late, changes, is removed or grows old", async () => {
      const store = await open();
      await fc.assert(fc.asyncProperty(steps, async (sequence) => {
        for (const step of sequence) {
          if ("write" in step) await store.write(step.write.map(recordOf), now);
          else if ("remove" in step) await store.remove([keyOf(step.remove.trace, step.remove.team)], now);
          else if ("prune" in step) await store.prune(epochMs(now + step.prune), epochMs(now + 1000));
          else await store.describe(keyOf(step.describe.trace, step.describe.team), { session: step.describe.session, user: step.describe.user, start: now + 5, durationMs: 3 }, now);
        }
        for (const request of asked) {
          const expected = await grouped(store, request);
          for (const limit of [1, 2, 50]) assert.deepEqual(await pages(store, request, limit), expected);
        }
        await store.remove(teams.flatMap((team) => Array.from({ length: 12 }, (_, index) => keyOf(index + 1, team))), now);
      }), { numRuns: 25 });
    });

    it("are found behind others of very many traces, which are on no second page", async () => {
      const store = await open();
      // Each thousandth trace is of a session of its own; all others are of two, and of somebody else's of the same names.
      const count = 4000;
      await store.write(Array.from({ length: count }, (_, index) => exampleRecord(index + 1, 1, { attributes: { "session.id": index % 1000 === 0 ? `rare ${index / 1000}` : `crowded ${index % 2}` } }, { team: index % 7 === 0 && index % 1000 !== 0 ? "other" : "blue" })), now);
      const request = { visible: { teams: ["blue"], experiments: [] } };
      const expected = ["crowded 1", "crowded 0", "rare 3", "rare 2", "rare 1", "rare 0"];
      for (const limit of [1, 4, 50]) assert.deepEqual((await pages(store, request, limit)).map(({ session }) => session), expected);
      const [one, zero] = await pages(store, request, 50);
      const expectedOf = (rest: number): number => Array.from({ length: count }, (_, index) => index).filter((index) => index % 1000 !== 0 && index % 7 !== 0 && index % 2 === rest).length;
      assert.deepEqual([one!.traces, zero!.traces], [expectedOf(1), expectedOf(0)]);
    });
  });
}
