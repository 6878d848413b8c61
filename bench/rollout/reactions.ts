import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { SlipwayClient, type Prediction } from "../../src/index.ts";
import { PostgresCluster } from "../../test/kit/postgres-cluster.ts";
import { startSlipway } from "../serving/processes.ts";
import { pacedLoad } from "./paced-load.ts";
import { benchModel, features, median, rolloutServerOf, startRolloutServer, type RolloutServer } from "./rollout-server.ts";

const perSecond = 500;

/** Time from the first request that the candidate failed to its last one, at 500 requests a second and a quarter of the traffic. */
export async function hardFailures(directory: string, [stable, failing]: readonly [string, string], rounds: number): Promise<void> {
  const times: number[] = [];
  let failures = 0;
  let attempts = 0;
  for (let round = 0; round < rounds; round++) {
    const server = await startRolloutServer(join(directory, `failing-${round}`), [stable, failing]);
    await server.roll({ weight: 0.25, shadow: 0 });
    // The candidate fails on what stable takes: from one moment to the next, all requests are of this kind.
    const sound = Array.from({ length: 1000 }, (_, index) => server.request(index));
    const fatal = Array.from({ length: 1000 }, (_, index) => server.request(index, Array.from({ length: features }, () => -1)));
    const load = await pacedLoad(server.port, (index) => (index < perSecond ? sound : fatal)[index % 1000]!, { perSecond, seconds: 5, connections: 64 });
    failures += load.failures;
    const { predictions } = await server.client.api.get<{ predictions: Prediction[] }>(`/api/models/${benchModel}/predictions?limit=500`);
    let page = predictions;
    const failed: number[] = [];
    while (page.length > 0) {
      for (const { assignment, time } of page) if ((assignment?.failed ?? null) !== null) failed.push(time);
      page = (await server.client.api.get<{ predictions: Prediction[] }>(`/api/models/${benchModel}/predictions?limit=500&before=${page.at(-1)!.id}`)).predictions;
    }
    attempts += failed.length;
    times.push(Math.max(...failed) - Math.min(...failed));
    await server.process.stop();
  }
  console.log(`\nHard failures at ${perSecond} requests/s, a quarter for the candidate: ${median(times).toFixed(0)} ms from the first failure to its last request (${times.join(", ")}); ${attempts / rounds} requests failed by it a round, ${failures} by callers`);
}

/** From the command to the first moment after which no answer is the candidate's. */
export async function rollbacks(directory: string, [stable, candidate]: readonly [string, string], rounds: number): Promise<void> {
  const one = await startRolloutServer(join(directory, "one"), [stable, candidate]);
  await rollBackTimes("one process, SQLite", [one], rounds);
  await one.process.stop();

  const cluster = await PostgresCluster.start({ fsync: true });
  try {
    process.env.SLIPWAY_DATABASE_URL = cluster.url({ schema: await cluster.createSchema("bench") });
    process.env.SLIPWAY_ARTIFACTS = join(directory, "artifacts");
    const first = await startSlipway(join(directory, "replica-0"));
    const client = new SlipwayClient({ url: String(first.facts.url) });
    await client.deploy({ file: stable, name: benchModel });
    await client.deploy({ file: candidate, name: benchModel, activate: false });
    const others = await Promise.all([1, 2].map((number) => startSlipway(join(directory, `replica-${number}`))));
    const servers = [rolloutServerOf(first, client), ...others.map((process) => rolloutServerOf(process, new SlipwayClient({ url: String(process.facts.url) })))];
    await rollBackTimes("three processes, Postgres", servers, rounds);
    await Promise.all(servers.map(({ process }) => process.stop()));
  } finally {
    delete process.env.SLIPWAY_DATABASE_URL;
    delete process.env.SLIPWAY_ARTIFACTS;
    await cluster.remove();
  }
}

async function rollBackTimes(name: string, servers: readonly RolloutServer[], rounds: number): Promise<void> {
  const commands: number[] = [];
  const everywhere: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await servers[0]!.roll({ weight: 1, shadow: 0 });
    while (!(await Promise.all(servers.map(answersVersion))).every((version) => version === "2")) await pause(20);
    const begin = performance.now();
    const seen = servers.map(async (server) => {
      while ((await answersVersion(server)) !== "1") await pause(1);
      return performance.now() - begin;
    });
    await servers[0]!.client.api.send("POST", `/api/models/${benchModel}/rollback`, { reason: "measured" });
    commands.push(performance.now() - begin);
    everywhere.push(Math.max(...(await Promise.all(seen))));
    while ((await servers[0]!.status()).rollout.endedAt === null) await pause(20);
  }
  console.log(`\nRollback by command, ${name}: the command ${median(commands).toFixed(0)} ms (at most ${Math.max(...commands).toFixed(0)}); stable everywhere after ${median(everywhere).toFixed(0)} ms (at most ${Math.max(...everywhere).toFixed(0)})`);
}

async function answersVersion({ client }: RolloutServer): Promise<string> {
  const { version } = await client.infer(benchModel, [{ name: "features", datatype: "FP32", shape: [1, features], data: Array.from({ length: features }, () => 0.5) }]);
  return version;
}
