import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { it } from "node:test";
import { gunzipSync } from "node:zlib";
import { systemClock } from "../../src/core/clock.ts";
import type { DoctorResult } from "../../src/doctor/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer } from "../kit/running-server.ts";

const room = 20_000;

it("tells of spans that a collector which does not answer was not sent, keeps no more than its room, sends on when it is back, and ends all the same", { timeout: 120_000 }, async () => {
  const held: ServerResponse[] = [];
  let isBack = false;
  let taken = 0;
  const collector = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
      if (!isBack) return void held.push(response);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(Buffer.concat(parts)) : Buffer.concat(parts);
      taken += (body.toString().match(/"spanId"/g) ?? []).length;
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  const server = await startServer({ environment: { SLIPWAY_TRACE_EXPORT_URL: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`, SLIPWAY_TRACE_SAMPLE: "0.5" } });
  try {
    const began = systemClock.now();
    const send = async (count: number): Promise<void> => {
      const spans = Array.from({ length: count }, () => ({ traceId: randomBytes(16).toString("hex"), spanId: "b7ad6b7169203331", name: "s", startTimeUnixNano: `${began}000000`, endTimeUnixNano: `${began + 1}000000` }));
      const { status } = await fetch(`${server.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }) });
      assert.equal(status, 200);
    };
    const told = (reason: string): number => server.logLines.filter((line) => line.includes("traces.not_exported") && line.includes(`"reason":"${reason}"`)).reduce((sum, line) => sum + (JSON.parse(line) as { spans: number }).spans, 0);
    // Half of them are kept, and so are to go on: more than there is room for.
    for (let sent = 0; sent < 50_000; sent += 10_000) await send(10_000);
    while (held.length === 0) await betweenLooks();
    isBack = true;
    for (const response of held.splice(0)) response.destroy();
    while (told("no room") === 0 || taken < room) await betweenLooks();
    const doctor = async (): Promise<string> => (await server.client.api.get<{ checks: DoctorResult[] }>("/api/doctor")).checks.find(({ name }) => name === "export of traces")!.finding;
    const counts = /([\d,]+) spans sent on since the start, (\d+) lost/;
    let [, sent, lost] = counts.exec(await doctor()) ?? [];
    while (Number(sent?.replace(",", "")) < taken) [, sent, lost] = counts.exec(await doctor()) ?? [];
    assert.deepEqual([Number(sent?.replace(",", "")), Number(lost)], [taken, told("no room")]);
    // Those in the request that was under way are beside them.
    assert.ok(taken >= room && taken <= room + 512, `${taken} were kept`);
    isBack = false;
    await send(2000);
    while (held.length === 0) await betweenLooks();
    assert.equal(await server.stop(), 0);
    assert.ok(told("EGRESS_FAILED") > 0 && told("the server ended") > 0, server.logLines.slice(-5).join("\n"));
  } finally {
    server.process.kill("SIGKILL");
    collector.closeAllConnections();
    collector.close();
  }
});
