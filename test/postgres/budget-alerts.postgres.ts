import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { Client } from "pg";
import { betweenLooks } from "../kit/between-looks.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

interface Told {
  id: string;
  budget: string;
  window: string;
  threshold: number;
  limit: number;
}

/** Each call costs a dollar: ten tokens at the dearest price that can be set. */
const secretKey = randomBytes(32).toString("base64");

describe("alerts of budgets over two servers on one Postgres", { timeout: 240_000 }, () => {
  let cluster: PostgresCluster;
  const servers: RunningServer[] = [];
  const told: Told[] = [];
  const receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
      const { data } = JSON.parse(Buffer.concat(parts).toString("utf8")) as { data: Omit<Told, "id"> };
      told.push({ id: String(request.headers["webhook-id"]), budget: data.budget, window: data.window, threshold: data.threshold, limit: data.limit });
      response.writeHead(204).end();
    });
  }).listen(0, "127.0.0.1");
  const start = async (): Promise<RunningServer> => {
    const server = await startServer({ environment: { SLIPWAY_DATABASE_URL: cluster.url(), SLIPWAY_EGRESS_ALLOWED: "127.0.0.0/8", SLIPWAY_SECRET_KEY: secretKey } });
    servers.push(server);
    return server;
  };
  before(async () => {
    cluster = await PostgresCluster.start();
    const { client: { api } } = await start();
    const other = await start();
    await api.send("PUT", "/api/gateway/providers/paid", { revision: 0, settings: { kind: "scripted", script: [{ text: "fine", inputTokens: 10, outputTokens: 10 }] } });
    await api.send("POST", "/api/prices", { provider: "paid", model: "m", rates: { input: 0, output: 1e5 } });
    // What is called before the other knows the price costs nothing.
    while (!JSON.stringify(await other.client.api.get("/api/prices")).includes('"paid"')) await betweenLooks();
    await api.send("POST", "/api/webhooks", { name: "alerts", url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`, types: ["budget.alert"] });
  });
  afterEach(() => void told.splice(0));
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    receiver.closeAllConnections();
    receiver.close();
    await cluster.remove();
  });

  /** A route with this budget. */
  const limit = (name: string, budget: object, revision = 0): Promise<unknown> => servers[0]!.client.api.send("PUT", `/api/gateway/routes/${name}`, { revision, settings: { targets: [{ provider: "paid", model: "m" }], budget } });
  const call = async (server: RunningServer, model: string): Promise<void> => {
    for (;;) {
      const reply = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model, max_tokens: 10, messages: [{ role: "user", content: "hello" }] }) });
      await reply.text();
      if (reply.status === 200) return;
      // This server has not heard of the route yet.
      assert.equal(reply.status, 404);
      await betweenLooks();
    }
  };
  const of = (route: string): string[] => told.filter(({ budget }) => budget === `route:${route}`).map(({ window, threshold, limit: most }) => `${window} ${threshold} of ${most}`).toSorted();
  /** Without the level below: a server that looks while the calls are made may tell of that first, once too. */
  const highest = (route: string): string[] => of(route).filter((alert, index, all) => !(index === 0 && all.length > 1 && alert.startsWith("month 50 ")));
  const until = async (met: () => boolean): Promise<void> => {
    while (!met()) await betweenLooks();
  };

  /** What was given before has been delivered when this answers: attempts are begun in the order of the events. */
  const barrier = async (): Promise<void> => {
    const name = `barrier-${told.length}`;
    await limit(name, { month: 1 });
    await call(servers.at(-1)!, name);
    await until(() => of(name).length > 0);
  };

  it("come once for each level, though each server spent a part, and where a limit was lowered and nobody calls any more", async () => {
    const [one, other] = servers as [RunningServer, RunningServer];
    for (const [route, most] of [["shared", 10], ["lowered", 50]] as const) {
      await limit(route, { month: most });
      for (const server of [one, other, one, one, one]) await call(server, route);
    }
    await limit("lowered", { month: 6 }, 1);
    await cluster.until("select 1 from ledger_entries where route in ('shared', 'lowered') having count(*) = 10");
    // Each server looks when it has begun, and once a minute.
    await Promise.all([start(), start()]);
    await until(() => of("shared").length > 0 && of("lowered").includes("month 80 of 6"));
    // Now one meets it by its own calls too.
    await call(one, "shared");
    await barrier();
    assert.deepEqual([of("shared"), highest("lowered")], [["month 50 of 10"], ["month 80 of 6"]]);
  });

  it("are given by another server where the one that met a level was killed before it could tell", async () => {
    await limit("killed", { month: 10, day: 100 });
    const one = servers.shift()!;
    const holder = new Client({ connectionString: cluster.url() });
    await holder.connect();
    await holder.query("begin; lock table ledger_alerts in exclusive mode");
    for (let calls = 0; calls < 8; calls++) await call(one, "killed");
    await cluster.until("select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%ledger_alerts%'");
    await cluster.until("select 1 from ledger_entries where route = 'killed' having count(*) = 8");
    await one.kill();
    await holder.end();
    await start();
    await until(() => of("killed").includes("month 80 of 10"));
    await barrier();
    assert.deepEqual(highest("killed"), ["month 80 of 10"]);
    assert.equal(new Set(told.map(({ id }) => id)).size, told.length, "each is delivered once");
    await rm(one.directory, { recursive: true, force: true });
  });
});
