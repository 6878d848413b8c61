import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import protobuf from "protobufjs";
import { AppError } from "../../src/core/errors.ts";
import { otlpError } from "../../src/tracing/otlp/otlp-answer.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

/** google.rpc.Status, as every exporter that reads errors has it. */
const Status = protobuf.parse(`syntax = "proto3"; message Any { string type_url = 1; bytes value = 2; } message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`).root.lookupType("Status");

interface Failure {
  status: number;
  type: string | null;
  code: number;
  message: string;
  retryAfter: string | null;
}

async function read(answer: Response): Promise<Failure> {
  const type = answer.headers.get("content-type");
  const body = Buffer.from(await answer.arrayBuffer());
  const { code, message } = (type === "application/x-protobuf" ? Status.toObject(Status.decode(body)) : JSON.parse(body.toString())) as { code: number; message: string };
  return { status: answer.status, type, code, message, retryAfter: answer.headers.get("retry-after") };
}

describe("errors of OTLP", () => {
  let server: SecuredServer;
  let url: string;
  before(async () => {
    server = await startSecuredServer();
    url = `http://${server.host}/v1/traces`;
  });
  after(() => server.stop());

  const send = async (type: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<Failure> =>
    read(await fetch(url, { method: "POST", headers: { "content-type": type, authorization: `Bearer ${server.adminKey}`, ...headers }, body: typeof body === "string" ? body : new Uint8Array(body) }));

  it("are a Status in the encoding of the request, also where no handler was reached", async () => {
    for (const type of ["application/x-protobuf", "application/json"]) {
      const cases: [Promise<Failure>, number, number][] = [
        [send(type, "\x07nonsense"), 400, 3],
        [send(type, "{}", { authorization: "Bearer wrong" }), 401, 16],
        [send(type, "{}", { "x-mlflow-experiment-id": "404" }), 404, 5],
        [send(type, gzipSync(Buffer.alloc(40 << 20)), { "content-encoding": "gzip" }), 413, 8],
        [send(type, "{}", { "content-encoding": "br" }), 415, 3],
      ];
      for (const [asked, status, code] of cases) {
        const failure = await asked;
        assert.deepEqual([failure.status, failure.type, failure.code, failure.message !== "", failure.retryAfter], [status, type, code, true, null], `${type} ${status}: ${failure.message}`);
      }
    }
    assert.deepEqual([(await send("text/plain", "x")).code, (await read(await fetch(url))).code], [3, 12]);
  });

  it("are none where spans come with gzip, and some of them cannot be kept", async () => {
    const span = (traceId: string): object => ({ traceId, spanId: "b7ad6b7169203331", name: "packed", startTimeUnixNano: "1700000000000000000", endTimeUnixNano: "1700000001000000000" });
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const body = gzipSync(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span(trace), span("")] }] }] }));
    const headers = { authorization: `Bearer ${server.adminKey}` };
    const answer = await fetch(url, { method: "POST", headers: { ...headers, "content-type": "application/json", "content-encoding": "gzip" }, body });
    assert.equal(answer.status, 200);
    const { partialSuccess } = (await answer.json()) as { partialSuccess: { rejectedSpans: string } };
    assert.equal(partialSuccess.rejectedSpans, "1");
    const view = (await (await fetch(`http://${server.host}/api/traces/${trace}`, { headers })).json()) as { trace: { name: string; spans: number } };
    assert.deepEqual([view.trace.name, view.trace.spans], ["packed", 1]);
  });

  it("are none where one span of many cannot be read: it is named, and the others are kept", async () => {
    const trace = "1af7651916cd43dd8448eb211c80319c";
    const span = (spanId: string, start: string): object => ({ traceId: trace, spanId, name: `from ${start}`, startTimeUnixNano: start, endTimeUnixNano: "1700000001000000000" });
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span("b7ad6b7169203331", "1700000000000000000"), span("b7ad6b7169203332", "soon"), span("b7ad6b7169203333", "1700000000000000001")] }] }] });
    const headers = { authorization: `Bearer ${server.adminKey}` };
    const answer = await fetch(url, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body });
    assert.deepEqual([answer.status, await answer.json()], [200, { partialSuccess: { rejectedSpans: "1", errorMessage: 'The span "from soon" cannot be read: "soon" stands where an OTLP trace has an integer.' } }]);
    const view = (await (await fetch(`http://${server.host}/api/traces/${trace}`, { headers })).json()) as { trace: { spans: number } };
    assert.equal(view.trace.spans, 2);
    const refused = await send("application/json", JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span("b7ad6b7169203331", "never")] }] }] }));
    assert.deepEqual([refused.status, refused.code], [400, 3]);
    assert.match(refused.message, /The span "from never" cannot be read/);
  });

  it("have a status after which exporters send again for what passes by itself, and for nothing else", () => {
    const of = (...given: ConstructorParameters<typeof AppError>): [number, string | undefined] => {
      const { status, headers } = otlpError(new AppError(...given), "req_1", { "content-type": "application/json" });
      return [status, headers["Retry-After"]];
    };
    assert.deepEqual([of("STORAGE_FULL", ""), of("BODY_TIMEOUT", "")], [[503, "3"], [503, "3"]]);
    // What says itself when to come back is told by the door.
    assert.deepEqual([of("QUEUE_FULL", "", { retryAfterSeconds: 1 }), of("DATABASE_UNAVAILABLE", ""), of("TOO_MANY_ATTEMPTS", "")].map(([status]) => status), [503, 503, 429]);
    assert.deepEqual([of("TRACE_INVALID", ""), of("BODY_TOO_LARGE", ""), of("INTERNAL", ""), of("FORBIDDEN", "")].map(([status]) => status), [400, 413, 500, 403]);
  });
});
