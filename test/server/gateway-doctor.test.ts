import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

/** What `slipway doctor` says of a gateway, on a whole server. */
describe("the doctor of a gateway", () => {
  let server: RunningServer;
  const collector = new GatewayUpstream((_call, response) => answerJson(response, {}));
  const own = new GatewayUpstream((_call, response) => answerJson(response, { data: [{ id: "m" }] }));

  before(async () => {
    const [collectorUrl, ownUrl] = await Promise.all([collector.start(), own.start()]);
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", SLIPWAY_TRACE_EXPORT_URL: `${collectorUrl}/v1/traces` } });
    await put("providers/own", { kind: "compatible", baseUrl: `${ownUrl}/v1` });
    await put("providers/keyless", { kind: "openai" });
    await put("routes/priced", { targets: [{ provider: "own", model: "m" }], budget: { day: 1 } });
  });
  after(async () => {
    await server.stop();
    collector.stop();
    own.stop();
  });

  const put = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${name}`, { revision: 0, settings });
  const states = async (): Promise<Record<string, { state: string; finding: string }>> => {
    const { checks } = await server.client.api.get<{ checks: { name: string; state: string; finding: string }[] }>("/api/doctor");
    return Object.fromEntries(checks.map(({ name, ...result }) => [name, result]));
  };

  it("names what would fail, and nothing that works", async () => {
    const before = await states();
    assert.deepEqual(["keys of providers", "own providers", "routes of the gateway", "prices of routes", "limits of several servers", "keys that end soon", "export of traces"].map((name) => before[name]!.state), ["problem", "ok", "ok", "problem", "ok", "skipped", "ok"]);
    assert.equal(before["keys of providers"]!.finding, "keyless has no key.");
    assert.equal(before["prices of routes"]!.finding, "priced has a budget, and own/m no price: its calls are refused.");
    collector.answer = (_call, response) => answerJson(response, {}, 401);
    own.answer = (_call, response) => answerJson(response, { error: { message: "Out of order." } }, 500);
    const now = await states();
    assert.deepEqual(["own providers", "export of traces"].map((name) => now[name]!.state), ["problem", "warning"]);
    assert.match(now["own providers"]!.finding, /^own does not answer as it should: Out of order\. /);
    assert.match(now["export of traces"]!.finding, /^The collector takes no spans: it answers with status 401\./);
  });
});
