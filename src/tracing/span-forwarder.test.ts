import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import type { EgressRequest } from "../core/egress.ts";
import { AppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { exampleRecord } from "./example-spans.fixture.ts";
import type { Span } from "./span.ts";
import { SpanForwarder } from "./span-forwarder.ts";

type Answer = { status: number; retryAfter?: string; body?: string } | AppError;

/** A collector that gives these answers, one after the other, and then takes everything. */
function forwarderTo(answers: readonly Answer[], maxWaiting?: number, maxWaitingCharacters?: number) {
  const left = [...answers];
  const sent: EgressRequest[] = [];
  const pauses: number[] = [];
  const warned: Record<string, unknown>[] = [];
  const forwarder = new SpanForwarder({
    url: "https://collector.example/v1/traces", authorization: "Bearer x", logger: { warn: (_event: string, detail: Record<string, unknown>) => void warned.push(detail) } as unknown as Logger, ...(maxWaiting === undefined ? {} : { maxWaiting }), ...(maxWaitingCharacters === undefined ? {} : { maxWaitingCharacters }),
    pause: (milliseconds) => Promise.resolve(void pauses.push(milliseconds)),
    egress: {
      send: (request) => {
        sent.push(request);
        const answer = left.shift() ?? { status: 200 };
        if (answer instanceof AppError) return Promise.reject(answer);
        return Promise.resolve({ status: answer.status, headers: (answer.retryAfter === undefined ? {} : { "retry-after": answer.retryAfter }) as Record<string, string>, body: Buffer.from(answer.body ?? "{}").subarray(0, request.maxResponseBytes) });
      },
    },
  });
  /** After all that waits has been sent or let go, attempts and all: without `stop`, which ends them. */
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 100_000 && (forwarder.counts.waiting > 0 || forwarder.counts.sent + forwarder.counts.lost < given); turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  let given = 0;
  const forward = async (count: number, more: Partial<Span> = {}): Promise<void> => {
    given += count;
    forwarder.forward(Array.from({ length: count }, (_, index) => exampleRecord(index + 1, 1, more)));
    await settled();
  };
  return { forwarder, forward, sent, pauses, warned };
}

const tracesOf = ({ body }: EgressRequest): number[] =>
  (JSON.parse(gunzipSync(body as Uint8Array).toString()) as { resourceSpans: { scopeSpans: { spans: { traceId: string }[] }[] }[] }).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ traceId }) => Number.parseInt(traceId, 16))));

describe("SpanForwarder", () => {
  it("sends gzipped JSON with its authorization, in batches and in the order in which spans came", async () => {
    const { forwarder, forward, sent } = forwarderTo([]);
    await forward(1200);
    assert.deepEqual(sent.map((request) => [request.method, request.headers]), sent.map(() => ["POST", { "content-type": "application/json", "content-encoding": "gzip", authorization: "Bearer x" }]));
    assert.deepEqual(sent.map((request) => tracesOf(request).length), [512, 512, 176]);
    assert.deepEqual(sent.flatMap(tracesOf), Array.from({ length: 1200 }, (_, index) => index + 1));
    assert.deepEqual(forwarder.counts, { sent: 1200, lost: 0, waiting: 0 });
  });

  it("sends few spans at once where they are long, keeps a bounded length of them, and counts what it lets go", async () => {
    const { forwarder, forward, sent } = forwarderTo([], 100, 11 << 20);
    await forward(12, { attributes: { "input.value": "x".repeat((1 << 20) - 2000) } });
    assert.deepEqual(sent.map((request) => tracesOf(request)), [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11]]);
    assert.deepEqual(forwarder.counts, { sent: 11, lost: 1, waiting: 0 });
    await forward(1, { attributes: { "input.value": "x".repeat(5 << 20) } });
    assert.deepEqual(forwarder.counts, { sent: 12, lost: 1, waiting: 0 });
  });

  it("sends the same again, ever later, for what may pass: 429, 502, 503, 504 and a collector that is away; and gives up after five attempts", async () => {
    for (const answer of [{ status: 429 }, { status: 502 }, { status: 503 }, { status: 504 }, new AppError("EGRESS_FAILED", "away")]) {
      const { forwarder, forward, sent, pauses, warned } = forwarderTo([answer, answer, answer, answer]);
      await forward(2);
      assert.deepEqual([forwarder.counts, pauses, warned], [{ sent: 2, lost: 0, waiting: 0 }, [1000, 2000, 4000, 8000], []]);
      assert.deepEqual(sent.map(tracesOf), sent.map(() => [1, 2]));
      const away = forwarderTo([answer, answer, answer, answer, answer]);
      await away.forward(2);
      assert.deepEqual([away.forwarder.counts, away.sent.length, away.warned], [{ sent: 0, lost: 2, waiting: 0 }, 5, [{ spans: 2, reason: answer instanceof AppError ? "EGRESS_FAILED" : `status ${answer.status}` }]]);
    }
  });

  it("sends nothing again that was refused for good, says so, and goes on with what comes behind", async () => {
    for (const answer of [{ status: 400 }, { status: 401 }, { status: 413 }, { status: 500 }, { status: 301 }, new AppError("EGRESS_REFUSED", "not allowed")]) {
      const { forwarder, forward, pauses, warned } = forwarderTo([answer]);
      await forward(600);
      assert.deepEqual([forwarder.counts, pauses, warned.map(({ spans }) => spans)], [{ sent: 88, lost: 512, waiting: 0 }, [], [512]], JSON.stringify(answer));
    }
  });

  it("waits as long as it is asked to, within a minute", async () => {
    const { forward, pauses } = forwarderTo([{ status: 503, retryAfter: "7" }, { status: 429, retryAfter: "9000" }, { status: 429, retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT" }]);
    await forward(1);
    assert.deepEqual(pauses, [7000, 60_000, 4000]);
  });

  it("counts as lost what a collector refuses of a request that it takes, and sends it no second time", async () => {
    for (const [body, lost] of [['{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}', 2], ['{"partialSuccess":{"rejectedSpans":3}}', 3], ['{"partialSuccess":{"rejectedSpans":"99"}}', 4], ['{"partialSuccess":{"errorMessage":"slow down"}}', 0], ["", 0], ["no JSON", 0], ["null", 0], ['{"partialSuccess":{"rejectedSpans":"-5"}}', 0]] as const) {
      const { forwarder, forward, sent, warned } = forwarderTo([{ status: 200, body }]);
      await forward(4);
      assert.deepEqual([forwarder.counts, sent.length, warned.map(({ spans }) => spans)], [{ sent: 4 - lost, lost, waiting: 0 }, 1, lost === 0 ? [] : [lost]], body);
    }
    const { forward, warned } = forwarderTo([{ status: 200, body: '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}' }]);
    await forward(4);
    assert.deepEqual(warned, [{ spans: 2, reason: "too old" }]);
  });

  it("counts them also where the collector says more of them than is read", async () => {
    const long = "too old: ".padEnd(100_000, "span ");
    for (const body of [JSON.stringify({ partialSuccess: { rejectedSpans: "2", errorMessage: long } }), JSON.stringify({ partialSuccess: { rejectedSpans: 2, errorMessage: long } }, null, 2)]) {
      const { forwarder, forward, sent, warned } = forwarderTo([{ status: 200, body }]);
      await forward(4);
      assert.deepEqual([forwarder.counts, sent.length, warned], [{ sent: 2, lost: 2, waiting: 0 }, 1, [{ spans: 2, reason: long.slice(0, 500) }]]);
    }
  });

  it("keeps no more waiting than it may, counts and tells of the rest as lost, and has room again afterwards", async () => {
    const { forwarder, forward, sent, warned } = forwarderTo([], 3);
    await forward(5);
    assert.deepEqual([forwarder.counts, sent.flatMap(tracesOf), warned], [{ sent: 3, lost: 2, waiting: 0 }, [1, 2, 3], [{ spans: 2, reason: "no room" }]]);
    await forward(1);
    assert.deepEqual([forwarder.counts, warned.length], [{ sent: 4, lost: 2, waiting: 0 }, 1]);
  });

  it("ends within seconds though the collector does not answer, and tells of what it lets go", async () => {
    const warned: Record<string, unknown>[] = [];
    const rings: [number, () => void][] = [];
    let asked = 0;
    const forwarder = new SpanForwarder({
      url: "https://collector.example/v1/traces", logger: { warn: (_event: string, detail: Record<string, unknown>) => void warned.push(detail) } as unknown as Logger, pause: () => Promise.resolve(),
      alarm: (milliseconds, ring) => (rings.push([milliseconds, ring]), () => undefined),
      egress: { send: ({ signal }) => (asked++, new Promise((_, reject) => signal!.addEventListener("abort", () => reject(new AppError("EGRESS_FAILED", "ended"))))) },
    });
    forwarder.forward(Array.from({ length: 1200 }, (_, index) => exampleRecord(index + 1, 1)));
    while (asked === 0) await new Promise((resolve) => setImmediate(resolve));
    const stopped = forwarder.stop();
    assert.deepEqual(rings.map(([milliseconds]) => milliseconds), [5000]);
    rings[0]![1]();
    await stopped;
    assert.deepEqual([forwarder.counts, warned, asked], [{ sent: 0, lost: 1200, waiting: 0 }, [{ spans: 512, reason: "EGRESS_FAILED" }, { spans: 688, reason: "the server ended" }], 1]);
  });
});
