import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PostgresCluster } from "../../test/kit/postgres-cluster.ts";
import { RedisServer } from "../../test/redis/redis-server.ts";
import { startFloor } from "../serving/processes.ts";
import { startLiteLlm } from "./gateway-peers.ts";
import { bare, direct, measure, report, type Line } from "./lines.ts";
import { startAllOn } from "./slipway-servers.ts";

/** One server with all on, as replicas of it are run: on Postgres, and with limits, budgets and answers in Redis; beside the same on SQLite, the bare proxy, and LiteLLM with limits and answers in a Redis of its own. */
export async function shared(quick: boolean): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "slipway-bench-shared-"));
  const lines: Line[] = [];
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const upstream = await startFloor("../gateway/fake-upstream.ts");
    stops.push(() => upstream.stop());
    const port = upstream.facts.port!;
    lines.push({ name: direct, port, model: "bench", processId: null, stop: () => Promise.resolve() });
    const proxy = await startFloor("../gateway/bare-proxy.ts", String(port));
    lines.push({ name: bare, port: proxy.facts.port!, model: "bench", processId: proxy.child.pid!, stop: () => proxy.stop() });
    const cluster = await PostgresCluster.start({ fsync: true, settings: { shared_buffers: "128MB" } });
    stops.push(() => cluster.remove());
    const [redis, redisOfPeer] = await Promise.all([RedisServer.start(), RedisServer.start()]);
    stops.push(() => redis.remove(), () => redisOfPeer.remove());
    const variants: { name: string; environment: Record<string, string>; besideIds?: number[] }[] = [
      { name: "Slipway on SQLite", environment: {} },
      { name: "Slipway on Postgres", environment: { SLIPWAY_DATABASE_URL: cluster.url({ schema: await cluster.createSchema("alone") }) } },
      { name: "Slipway on Postgres and Redis", environment: { SLIPWAY_DATABASE_URL: cluster.url({ schema: await cluster.createSchema("shared") }), SLIPWAY_REDIS_URL: redis.url() }, besideIds: [redis.processId] },
    ];
    for (const [index, { name, environment, besideIds }] of variants.entries()) {
      const { process, ...target } = await startAllOn(join(directory, String(index)), port, environment);
      lines.push({ ...target, name, processId: process.child.pid!, ...(besideIds === undefined ? {} : { besideIds }), stop: () => process.stop() });
    }
    const peer = await startLiteLlm(directory, port, redisOfPeer.port);
    if (peer === null) console.log("LiteLLM is absent: SLIPWAY_BENCH_LITELLM does not name where it is installed.");
    else lines.push({ ...peer, name: "LiteLLM with Redis", besideIds: [redisOfPeer.processId] });
    report(await measure(lines, quick, [false]));
  } finally {
    for (const line of lines.reverse()) await line.stop();
    for (const stop of stops.reverse()) await stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
