import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../core/clock.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { exampleSpan, now } from "./example-spans.fixture.ts";
import type { SpanRecord } from "./stored-span.ts";
import { SpanRedaction } from "./span-redaction.ts";
import { samplingRates, TailSampling } from "./tail-sampling.ts";
import { TraceService } from "./trace-service.ts";
import type { TraceStore } from "./trace-store.ts";

describe("spans that are sampled away", () => {
  it("are neither written nor sent on, and are in the ledger all the same", async () => {
    const written: string[] = [];
    const sentOn: string[] = [];
    const priced: string[] = [];
    const service = new TraceService({
      store: { write: (records: readonly SpanRecord[]) => Promise.resolve(void written.push(...records.map(({ span }) => span.name))) } as unknown as TraceStore, runs: { services: () => assert.fail(), tracesOf: () => assert.fail() }, ids: new TimeOrderedIds(new ManualClock()), redaction: new SpanRedaction({ keys: [], content: true }),
      sampling: new TailSampling({ rates: samplingRates(["0"]), slowMs: 60_000, maxWaiting: 100 }), datasets: { addRow: () => assert.fail() }, visible: () => "all", forward: (records) => void sentOn.push(...records.map(({ span }) => span.name)),
      costs: { take: (_of, spans) => Promise.resolve(spans.map((span) => (priced.push(span.name), { span, counts: true }))) },
    });
    for (const trace of [1, 2, 3]) await service.ingest({ team: "default", sender: "key:other" }, [exampleSpan(trace, 1, trace === 2 ? { status: { code: "error", message: "" } } : {})], now);
    assert.deepEqual([written, sentOn, priced], [["root 2"], ["root 2"], ["root 1", "root 2", "root 3"]]);
  });
});
