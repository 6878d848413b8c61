import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { benchPython } from "../serving/peer.ts";
import { startSlipway } from "../serving/processes.ts";
import { measureArtifacts } from "./artifacts.ts";
import { fillOverWire } from "./fill.ts";
import { startMlflow } from "./mlflow-peer.ts";
import { searchAmongMany } from "./search-among-many.ts";
import { timed, Wire, type Timing } from "./wire.ts";

interface Server {
  name: string;
  url: string;
  /** An experiment with the runs to search among. */
  filled: string;
}

interface Line {
  name: string;
  results: Map<string, Timing>;
}

/** Tracking beside MLflow servers on SQLite, in one run; then a search among many runs, and large artifacts. */
export async function run({ quick }: { quick: boolean }): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "slipway-bench-tracking-"));
  const runs = quick ? 500 : 5000;
  try {
    const slipway = await startSlipway(join(directory, "data"));
    const python = benchPython();
    const peers = python === undefined ? [] : [{ name: "MLflow", server: await startMlflow(python, directory) }, { name: "MLflow, 1 worker", server: await startMlflow(python, directory, 1) }];
    if (python === undefined) console.log("No Python with bench/peers/requirements.txt (SLIPWAY_BENCH_PYTHON): the peer is left out.\n");
    const servers: Server[] = [{ name: "Slipway", url: `http://127.0.0.1:${slipway.facts.httpPort}`, filled: "" }];
    for (const { name, server } of peers) servers.push({ name, url: server.url, filled: "" });
    for (const server of servers) server.filled = await createExperiment(server.url, "filled");
    await fillOverWire(servers[0]!.url, servers[0]!.filled, runs);
    for (const { server } of peers) fillMlflow(python!, server.database, runs);
    const lines = await measureLines(servers, quick);
    print(lines, servers, runs);
    for (const { server } of peers) await server.stop();
    await measureArtifacts({ url: servers[0]!.url, serverProcess: slipway.child.pid!, megabytes: quick ? 64 : 1024, directory });
    await slipway.stop();
    await searchAmongMany(directory, quick ? 5000 : 100_000);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function createExperiment(url: string, name: string): Promise<string> {
  const wire = new Wire(url, 1);
  const { experiment_id } = (await wire.post("experiments/create", { name })) as unknown as { experiment_id: string };
  wire.close();
  return experiment_id;
}

async function createRun(wire: Wire, experiment: string): Promise<string> {
  const { run } = (await wire.post("runs/create", { experiment_id: experiment, start_time: 1_700_000_000_000 })) as unknown as { run: { info: { run_id: string } } };
  return run.info.run_id;
}

function fillMlflow(python: string, database: string, runs: number): void {
  const filled = spawnSync(python, [join(import.meta.dirname, "../peers/fill_mlflow.py"), database, String(runs)], { stdio: ["ignore", "ignore", "inherit"] });
  if (filled.status !== 0) throw new Error("The peer's database could not be filled.");
}

/** Rounds are interleaved over the servers; the median round by rate counts. */
async function measureLines(servers: readonly Server[], quick: boolean): Promise<Line[]> {
  const rounds = quick ? 1 : 3;
  const seconds = quick ? 1 : 3;
  const lines: Line[] = [];
  const line = async (name: string, callers: number, prepare: (wire: Wire, server: Server) => Promise<(index: number) => Promise<unknown>>): Promise<void> => {
    const all = new Map(servers.map(({ name: server }) => [server, [] as Timing[]]));
    for (let round = 0; round < rounds; round++) {
      for (const server of servers) {
        const wire = new Wire(server.url, callers);
        const call = await prepare(wire, server);
        await call(0);
        all.get(server.name)!.push(await timed((index) => call(index + 1), { callers, count: 20_000, seconds }));
        wire.close();
      }
    }
    lines.push({ name, results: new Map([...all].map(([server, timings]) => [server, timings.sort((a, b) => a.perSecond - b.perSecond)[timings.length >> 1]!])) });
  };
  for (const callers of [1, 8]) {
    await line(`log_metric, ${callers} client${callers > 1 ? "s" : ""}`, callers, async (wire, { filled }) => {
      const run = await createRun(wire, filled);
      return (index) => wire.post("runs/log-metric", { run_id: run, key: "loss", value: Math.sin(index), timestamp: 1_700_000_000_000 + index, step: index });
    });
  }
  await line("log_batch of 1,000 metrics", 1, async (wire, { filled }) => {
    const run = await createRun(wire, filled);
    return (index) =>
      wire.post("runs/log-batch", {
        run_id: run,
        metrics: Array.from({ length: 1000 }, (_, metric) => ({ key: `m${metric % 50}`, value: metric / 7, timestamp: 1_700_000_000_000 + index, step: index * 20 + Math.floor(metric / 50) })),
      });
  });
  await line("create_run", 1, (wire, { filled }) => Promise.resolve(() => createRun(wire, filled)));
  await line("get_history of 20,000 points", 1, async (wire, { filled }) => {
    const run = await createRun(wire, filled);
    for (let start = 0; start < 20_000; start += 1000) {
      const metrics = Array.from({ length: 1000 }, (_, point) => ({ key: "loss", value: Math.cos(start + point), timestamp: 1_700_000_000_000 + start + point, step: start + point }));
      await wire.post("runs/log-batch", { run_id: run, metrics });
    }
    return async () => {
      const { metrics } = (await wire.get(`metrics/get-history?run_id=${run}&metric_key=loss`)) as unknown as { metrics: unknown[] };
      if (metrics.length !== 20_000) throw new Error(`The history has ${metrics.length} points.`);
    };
  });
  for (const limit of [100, 1000]) {
    await line(`search of ${limit.toLocaleString("en")}, filtered and sorted`, 1, (wire, { filled }) =>
      Promise.resolve((index: number) =>
        wire.post("runs/search", {
          experiment_ids: [filled], max_results: limit,
          filter: `metrics.metric_3 > ${10 + (index % 7)} AND params.param_2 != 'value-${index % 50}'`, order_by: ["metrics.metric_5 DESC"],
        }),
      ),
    );
  }
  return lines;
}

function print(lines: readonly Line[], servers: readonly Server[], runs: number): void {
  console.log(`${runs.toLocaleString("en")} runs of 20 params and 20 metrics are there to search among\n`);
  if (servers.length > 1) console.log("MLflow's default of several workers answers without TCP_NODELAY, 40 ms late to a client that keeps its connection, as MLflow's own client does; one worker answers with it.\n");
  console.log("| | | a second | p50 ms | p99 ms | times the better peer |\n| --- | --- | --- | --- | --- | --- |");
  for (const { name, results } of lines) {
    for (const { name: server } of servers) {
      const timing = results.get(server)!;
      const best = Math.max(...[...results].flatMap(([name, { perSecond }]) => (name === "Slipway" ? [] : [perSecond])));
      const ratio = server === "Slipway" && best > 0 ? (timing.perSecond / best).toFixed(1) : "";
      console.log(`| ${name} | ${server} | ${timing.perSecond.toFixed(timing.perSecond < 100 ? 1 : 0)} | ${timing.p50.toFixed(2)} | ${timing.p99.toFixed(2)} | ${ratio} |`);
    }
  }
}
