import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Caller } from "../../core/caller.ts";
import { ManualClock } from "../../core/clock.ts";
import { translate } from "../dialects/translate.ts";
import { exampleSpan } from "../example-spans.fixture.ts";
import type { StoredTrace } from "../trace-store.ts";
import { RunQuery, RunReader, type ReadTraces } from "./run-reader.ts";

const caller = {} as Caller;
/** Twenty traces, as many as are asked for at once, are more than a short search. */
const spansOfTrace = 2600;
const wanted = (more: object = {}): RunQuery => RunQuery.parse({ filter: 'eq(name, "wanted")', ...more });
const signal = new AbortController().signal;

/** Traces of which `named` says the names; what is read of them is called out before it is answered. */
function readerOf(traces: number, { nameOf = () => "dull", onRead = () => undefined }: { nameOf?: (trace: number) => string; onRead?: (trace: number) => void | Promise<void> }) {
  const clock = new ManualClock();
  const idOf = (trace: number): string => trace.toString(16).padStart(32, "0");
  const all = Array.from({ length: traces }, (_, trace) => ({ summary: { traceId: idOf(trace), team: "default", service: null, feedback: 0, start: trace, session: null, spans: spansOfTrace } }) as unknown as StoredTrace);
  const dull = Array.from({ length: spansOfTrace }, (_, index) => translate(exampleSpan(1, index + 1, { name: "dull", attributes: {} })));
  const source: ReadTraces = {
    find: async (_caller, { limit, after }) => {
      const from = Number(after ?? 0);
      const items = all.slice(from, from + limit);
      return { items, next: from + limit < traces ? String(from + limit) : null, searchedUntil: null };
    },
    spans: async ({ traceId }) => {
      const trace = Number.parseInt(traceId, 16);
      await onRead(trace);
      return [{ ...dull[0]!, name: nameOf(trace) }, ...dull.slice(1)];
    },
    feedback: async () => [],
    services: async () => [],
    tracesOfRuns: async () => [],
  };
  return { clock, reader: new RunReader(source, () => clock.monotonic()) };
}

describe("looking through traces for runs", () => {
  it("goes on until something is found, however much is looked through, and ends a page soon where something is", async () => {
    const read: number[] = [];
    const { reader } = readerOf(60, { nameOf: (trace) => (trace === 3 || trace === 45 ? "wanted" : "dull"), onRead: (trace) => void read.push(trace) });
    const first = await reader.query(caller, wanted({ limit: 10 }), { signal });
    assert.deepEqual([first.runs.map(({ name }) => name), read.length], [["wanted"], 20]);
    const second = await reader.query(caller, wanted({ limit: 10, cursor: first.cursors.next! }), { signal });
    assert.deepEqual([second.runs.map(({ name }) => name), second.cursors.next, read.slice(20)], [["wanted"], null, Array.from({ length: 40 }, (_, index) => 20 + index)]);
  });

  it("is refused after half a minute without a run, and says how far it came", async () => {
    const { reader, clock } = readerOf(60, { onRead: () => clock.advance(1000) });
    await assert.rejects(reader.query(caller, wanted(), { signal }), { code: "INVALID_REQUEST", message: /^78030 runs were looked through, to those of 1970-01-01T00:00:00.029Z, and none is like that\./ });
  });

  it("ends when its caller has left", async () => {
    const caught = new AbortController();
    const read: number[] = [];
    const { reader } = readerOf(60, { onRead: (trace) => (read.push(trace), trace === 7 ? caught.abort() : undefined) });
    await assert.rejects(reader.query(caller, wanted(), { signal: caught.signal }), { code: "CALLER_GONE" });
    assert.equal(read.length, 8);
  });

  it("takes turns with other long ones, of which a failed one holds nobody up, and lets short ones pass", async () => {
    let reading = 0;
    let most = 0;
    let shortsAtOnce = 0;
    const left = new AbortController();
    const { reader } = readerOf(100, {
      onRead: async (trace) => {
        if (trace === 25) left.abort();
        // Only behind the first piece of 20 traces are searches long.
        if (trace >= 20) most = Math.max(most, ++reading);
        else shortsAtOnce++;
        await new Promise((resolve) => setImmediate(resolve));
        if (trace >= 20) reading--;
      },
    });
    const long = Array.from({ length: 3 }, (_, index) => reader.query(caller, wanted(), { signal: index === 0 ? left.signal : signal }).then(({ runs }) => runs.length, (error: Error) => error.message));
    assert.deepEqual(await Promise.all(long), ["The caller left.", 0, 0]);
    assert.deepEqual([most, shortsAtOnce], [1, 60]);
  });
});
