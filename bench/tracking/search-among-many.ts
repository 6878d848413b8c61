import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PostgresCluster } from "../../test/kit/postgres-cluster.ts";
import { memoryMiB, startSlipway } from "../serving/processes.ts";
import { entriesOfEach, fillDatabase } from "./fill-database.ts";
import { timed, Wire } from "./wire.ts";

interface ManySearch {
  name: string;
  filter(index: number): string;
  orderBy: string[];
  /** Pages begin behind so many runs, where they are not the first. */
  behind?: number;
}

const none = (): string => "";

/** What people search for; what is asked for differs from call to call. */
const searches: readonly ManySearch[] = [
  { name: "everything, by start", filter: none, orderBy: ["attributes.start_time DESC"] },
  { name: "the same, behind 10,000 runs", filter: none, orderBy: ["attributes.start_time DESC"], behind: 10_000 },
  { name: "everything, by a metric", filter: none, orderBy: ["metrics.metric_5 DESC"] },
  { name: "the same, behind 10,000 runs", filter: none, orderBy: ["metrics.metric_5 DESC"], behind: 10_000 },
  { name: "one metric, by another", filter: (index) => `metrics.metric_3 > ${index % 90}`, orderBy: ["metrics.metric_5 DESC"] },
  { name: "the same, behind 10,000 runs", filter: () => "metrics.metric_3 > 30", orderBy: ["metrics.metric_5 DESC"], behind: 10_000 },
  { name: "one metric, by start", filter: (index) => `metrics.metric_6 < ${10 + (index % 80)}`, orderBy: ["attributes.start_time DESC"] },
  { name: "few of two metrics, by start", filter: (index) => `metrics.metric_3 > ${97 + (index % 3)} AND metrics.metric_4 < 3`, orderBy: ["attributes.start_time DESC"] },
  { name: "a param, by a metric", filter: (index) => `params.param_2 = 'value-${(index % 10) * 5}'`, orderBy: ["metrics.metric_1 ASC"] },
  { name: "a param and a metric, by start", filter: (index) => `params.param_4 = 'value-${index % 50}' AND metrics.metric_7 < ${10 + (index % 50)}`, orderBy: ["attributes.start_time DESC"] },
  { name: "everything, by a param and a metric", filter: none, orderBy: ["params.param_1 DESC", "metrics.metric_2 ASC"] },
  { name: "a tag, exactly", filter: (index) => `tags.\`mlflow.runName\` = 'run-${index * 331}'`, orderBy: [] },
  { name: "a tag's beginning and a status", filter: (index) => `tags.\`mlflow.runName\` LIKE 'run-${1 + (index % 9)}%' AND attributes.status = 'FINISHED'`, orderBy: [] },
  { name: "a rare status, by start", filter: () => "attributes.status = 'FAILED'", orderBy: ["attributes.start_time DESC"] },
];

/** 95th percentiles of searches for pages of 100 that differ, filtered and sorted in several ways, on both databases. */
export async function searchAmongMany(directory: string, runs: number): Promise<void> {
  console.log(`\nSearch of 100 among ${runs.toLocaleString("en")} runs of ${entriesOfEach} params and ${entriesOfEach} metrics, filled behind the store\n`);
  const cluster = await PostgresCluster.start({ fsync: true, settings: { shared_buffers: "128MB" } }); // as Postgres has it unless told otherwise
  try {
    const url = cluster.url({ schema: await cluster.createSchema("many") });
    await measureDatabase("SQLite", { data: join(directory, "many-sqlite"), runs });
    await measureDatabase("Postgres", { data: join(directory, "many-postgres"), runs, url, serverProcess: Number(readFileSync(join(cluster.folder, "data/postmaster.pid"), "utf8").split("\n")[0]) });
  } finally {
    await cluster.remove();
  }
}

async function measureDatabase(name: string, { data, runs, url, serverProcess }: { data: string; runs: number; url?: string; serverProcess?: number }): Promise<void> {
  mkdirSync(data, { recursive: true });
  const begin = performance.now();
  const experiment = await fillDatabase(url ?? join(data, "slipway.db"), runs);
  const fillSeconds = (performance.now() - begin) / 1000;
  if (url !== undefined) process.env.SLIPWAY_DATABASE_URL = url;
  const slipway = await startSlipway(data);
  delete process.env.SLIPWAY_DATABASE_URL;
  try {
    const wire = new Wire(`http://127.0.0.1:${slipway.facts.httpPort}`, 1);
    const processes = [slipway.child.pid!, ...(serverProcess === undefined ? [] : [serverProcess])];
    console.log(`| ${name}, filled in ${fillSeconds.toFixed(0)} s | p50 ms | p95 ms | processor time of a search, ms |\n| --- | --- | --- | --- |`);
    const all: number[] = [];
    for (const search of searches) {
      const call = await prepare(wire, experiment, search);
      await call(0);
      const before = processorMs(processes);
      const { p50, p95, times } = await timed((index) => call(index + 1), { callers: 1, count: 40, seconds: 10 });
      console.log(`| ${search.name} | ${p50.toFixed(1)} | ${p95.toFixed(1)} | ${((processorMs(processes) - before) / times.length).toFixed(1)} |`);
      all.push(...times);
    }
    all.sort((a, b) => a - b);
    const at = (share: number): string => all[Math.ceil(share * all.length) - 1]!.toFixed(1);
    console.log(`| all of them, one after the other | ${at(0.5)} | ${at(0.95)} | |\n\nMemory of the server: ${memoryMiB(slipway.child.pid!).toFixed(0)} MiB\n`);
    wire.close();
  } finally {
    await slipway.stop();
  }
}

async function prepare(wire: Wire, experiment: string, { filter, orderBy, behind = 0 }: ManySearch): Promise<(index: number) => Promise<unknown>> {
  const search = (index: number, page: object) => wire.post("runs/search", { experiment_ids: [experiment], filter: filter(index), order_by: orderBy, max_results: 100, ...page });
  if (behind === 0) return (index) => search(index, {});
  const { next_page_token: token } = (await search(0, { max_results: behind })) as unknown as { next_page_token: string };
  return (index) => search(index, { page_token: token });
}

/** Of the processes and their children, of which only those count that live still; Linux, NaN elsewhere. */
function processorMs(processIds: readonly number[]): number {
  const ofOne = (processId: number): number => {
    const fields = readFileSync(`/proc/${processId}/stat`, "utf8").split(") ")[1]!.split(" ");
    const children = readFileSync(`/proc/${processId}/task/${processId}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
    return (Number(fields[11]) + Number(fields[12])) * 10 + children.reduce((sum, child) => sum + ofOne(child), 0);
  };
  try {
    return processIds.reduce((sum, processId) => sum + ofOne(processId), 0);
  } catch {
    return NaN;
  }
}
