import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "../core/command.ts";
import { counted } from "../core/counted.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { metricsText, runsTableText, runText, shortText, type ListedRuns, type WireMetricPoint, type WireRunAnswer } from "./run-listing.ts";

type Api = Parameters<Command["run"]>[0]["api"];
type TextOptions = Record<string, string | undefined>;

const wire = "/api/2.0/mlflow";
const defaultColumns = ["attributes.name", "attributes.status", "attributes.startTime", "attributes.duration"];
const runPositional = [{ name: "<run>", description: "id of the run" }];
const pageSize = 1000;

interface WireExperiment {
  experiment_id: string;
  name: string;
  lifecycle_stage: string;
  last_update_time: number;
}

const experiments: Command = {
  words: ["runs", "experiments"],
  summary: "list the experiments",
  options: [{ flags: "--deleted", description: "those that are deleted" }],
  run: async ({ api }, { options }) => {
    const found: WireExperiment[] = [];
    for (let token: string | undefined; ; ) {
      const answer = await api.send<{ experiments?: WireExperiment[]; next_page_token?: string }>("POST", `${wire}/experiments/search`, {
        max_results: pageSize, view_type: options.deleted === true ? "DELETED_ONLY" : "ACTIVE_ONLY", ...(token === undefined ? {} : { page_token: token }),
      });
      found.push(...(answer.experiments ?? []));
      token = answer.next_page_token;
      if (token === undefined || token === "") return { experiments: found };
    }
  },
  render: ({ experiments: found }: { experiments: WireExperiment[] }) =>
    found.length === 0
      ? "No experiments."
      : textTable(["ID", "NAME", "CHANGED"], found.map(({ experiment_id: id, name, last_update_time: time }) => [id, name, new Date(time).toISOString()])),
};

const list: Command = {
  words: ["runs", "list"],
  summary: "runs of an experiment, latest first",
  positionals: [{ name: "<experiment>", description: "name or id of the experiment" }],
  options: [
    { flags: "--filter <filter>", description: "such as \"metrics.loss < 0.1 AND params.model = 'tree'\"" },
    { flags: "--order <order>", description: "such as \"metrics.loss ASC\"" },
    { flags: "--columns <columns...>", description: "such as metrics.loss params.depth tags.team attributes.user" },
    { flags: "--limit <number>", description: "how many", default: "50" },
    { flags: "--deleted", description: "those that are deleted" },
  ],
  run: async ({ api }, { positionals, options }): Promise<ListedRuns> => {
    const { filter, order, limit } = options as TextOptions;
    const columns = (options.columns as unknown as string[] | undefined)?.flatMap((text) => text.split(",")).map((text) => text.trim()).filter((text) => text !== "") ?? defaultColumns;
    const experiment = await experimentId(api, positionals[0]!);
    const answer = await api.send<{ runs: string[]; rows: ListedRuns["rows"]; next: string | null }>("POST", "/api/runs/table", {
      experiments: [experiment], columns, limit: Number(limit), view: options.deleted === true ? "deleted" : "active",
      ...(filter === undefined ? {} : { filter }), ...(order === undefined ? {} : { order: [order] }),
    });
    return { columns, ...answer };
  },
  render: (listed: ListedRuns) => runsTableText(listed),
};

const show: Command = {
  words: ["runs", "show"],
  summary: "a run with its params, tags and the latest value of each metric",
  positionals: runPositional,
  run: ({ api }, { positionals }) => readRun(api, positionals[0]!),
  render: (run: WireRunAnswer) => runText(run),
};

const compare: Command = {
  words: ["runs", "compare"],
  summary: "what differs between runs: params, tags and latest metrics",
  positionals: [{ name: "<run>", description: "id of the run" }, { name: "<others...>", description: "ids of the runs to compare it with" }],
  run: async ({ api }, { positionals }) => {
    const ids = positionals.flat();
    if (ids.length < 2) throw new AppError("INVALID_REQUEST", "Two runs at least are needed to compare.");
    const runs = await Promise.all(ids.map((id) => readRun(api, id)));
    const kinds = [["params", (run: WireRunAnswer) => run.data.params], ["metrics", (run: WireRunAnswer) => run.data.metrics]] as const;
    const differences = kinds.flatMap(([kind, read]) => {
      const values = runs.map((run) => new Map((read(run) ?? []).map(({ key, value }): [string, string] => [key, String(value)])));
      const keys = [...new Set(values.flatMap((each) => [...each.keys()]))].sort();
      return keys.map((key) => ({ key: `${kind}.${key}`, values: values.map((each) => each.get(key) ?? null) })).filter(({ values: all }) => new Set(all).size > 1);
    });
    return { runs: runs.map(({ info }) => ({ id: info.run_id, name: info.run_name })), differences };
  },
  render: ({ runs, differences }: { runs: { id: string; name: string }[]; differences: { key: string; values: (string | null)[] }[] }) =>
    differences.length === 0 ? "Params and metrics are the same." : textTable(["KEY", ...runs.map(({ id, name }) => name || id)], differences.map(({ key, values }) => [key, ...values.map((value) => (value === null ? "-" : shortText(value)))])),
};

function lifecycle(word: "delete" | "restore", summary: string, done: string): Command {
  return {
    words: ["runs", word],
    summary,
    positionals: runPositional,
    run: async ({ api }, { positionals }) => {
      await api.send("POST", `${wire}/runs/${word}`, { run_id: positionals[0] });
      return { run: positionals[0]! };
    },
    render: ({ run }: { run: string }) => `${run} is ${done}.`,
  };
}

const metrics: Command = {
  words: ["runs", "metrics"],
  summary: "every point of a metric of a run",
  positionals: [...runPositional, { name: "<key>", description: "key of the metric" }],
  run: async ({ api }, { positionals }) => {
    const [run, key] = positionals as [string, string];
    const found: WireMetricPoint[] = [];
    for (let token: string | undefined; ; ) {
      const answer = await api.get<{ metrics?: WireMetricPoint[]; next_page_token?: string }>(`${wire}/metrics/get-history`, { run_id: run, metric_key: key, max_results: pageSize, page_token: token });
      found.push(...(answer.metrics ?? []));
      token = answer.next_page_token;
      if (token === undefined || token === "") return { run, key, points: found.map(({ step, timestamp, value }) => ({ step, timestamp, value })) };
    }
  },
  render: ({ points, key }: { key: string; points: WireMetricPoint[] }) => metricsText(key, points),
};

interface WireFile {
  path: string;
  is_dir: boolean;
  file_size?: number;
}

const artifacts: Command = {
  words: ["runs", "artifacts"],
  summary: "files and folders among the artifacts of a run",
  positionals: [...runPositional, { name: "[path]", description: "a folder of the artifacts" }],
  run: async ({ api }, { positionals }) => ({ files: await listArtifacts(api, positionals[0]!, positionals[1] ?? "") }),
  render: ({ files }: { files: WireFile[] }) =>
    files.length === 0 ? "No artifacts." : textTable(["PATH", "BYTES"], files.map(({ path, is_dir: isFolder, file_size: bytes }) => [isFolder ? `${path}/` : path, isFolder ? "-" : String(bytes ?? 0)])),
};

const download: Command = {
  words: ["runs", "download"],
  summary: "fetch an artifact of a run, or a folder of them",
  positionals: [...runPositional, { name: "<path>", description: "file or folder among its artifacts; . for all" }],
  options: [{ flags: "-o, --output <folder>", description: "folder to write into", required: true }],
  run: async ({ api, progress }, { positionals, options }) => {
    const [run, wanted] = positionals as [string, string];
    const path = wanted === "." ? "" : wanted.replace(/\/+$/, "");
    const folder = resolve((options as TextOptions).output!);
    const files = await filesBelow(api, run, path);
    for (const file of files) {
      await fetchFile(api, run, file, folder);
      progress(`  ${file}`);
    }
    return { run, files };
  },
  render: ({ files }: { files: string[] }) => `${counted(files.length, "file is", "files are")} downloaded.`,
};

export const runCommands: readonly Command[] = [
  experiments, list, show, compare, lifecycle("delete", "hide a run until it is restored", "deleted"), lifecycle("restore", "bring a deleted run back", "restored"), metrics, artifacts, download,
];

async function readRun(api: Api, id: string): Promise<WireRunAnswer> {
  return (await api.get<{ run: WireRunAnswer }>(`${wire}/runs/get`, { run_id: id })).run;
}

/** A name that is a number is taken as the name first: ids are what is left. */
async function experimentId(api: Api, nameOrId: string): Promise<string> {
  try {
    const { experiment } = await api.get<{ experiment: WireExperiment }>(`${wire}/experiments/get-by-name`, { experiment_name: nameOrId });
    return experiment.experiment_id;
  } catch (error) {
    if (!(error instanceof AppError) || !/^\d{1,18}$/.test(nameOrId)) throw error;
    return nameOrId;
  }
}

async function listArtifacts(api: Api, run: string, path: string): Promise<WireFile[]> {
  const found: WireFile[] = [];
  for (let token: string | undefined; ; ) {
    const answer = await api.get<{ files?: WireFile[]; next_page_token?: string }>(`${wire}/artifacts/list`, { run_id: run, path: path === "" ? undefined : path, page_token: token });
    found.push(...(answer.files ?? []));
    token = answer.next_page_token;
    if (token === undefined || token === "") return found;
  }
}

/** The path itself when it is a file; throws ARTIFACT_NOT_FOUND when it is nothing. */
async function filesBelow(api: Api, run: string, path: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [path];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const { path: name, is_dir: isFolder } of await listArtifacts(api, run, folder)) (isFolder ? folders : files).push(name);
  }
  if (files.length > 0 || path === "") return files.sort();
  const slash = path.lastIndexOf("/");
  const isFile = (await listArtifacts(api, run, slash === -1 ? "" : path.slice(0, slash))).some(({ path: name, is_dir: isFolder }) => name === path && !isFolder);
  if (!isFile) throw new AppError("ARTIFACT_NOT_FOUND", `The run ${run} has no artifact ${JSON.stringify(path)}.`);
  return [path];
}

/** Under its own name when it is whole. The server's names lead nowhere out of the folder. */
async function fetchFile(api: Api, run: string, path: string, folder: string): Promise<void> {
  const target = join(folder, path);
  if (target !== folder && !target.startsWith(`${folder}${sep}`)) throw new AppError("INVALID_PARAMETER", `The artifact ${JSON.stringify(path)} leads out of the folder.`);
  await mkdir(dirname(target), { recursive: true });
  const partial = `${target}.partial`;
  try {
    const query = new URLSearchParams({ run_id: run, path }).toString();
    await pipeline(Readable.from(await api.download("GET", `/get-artifact?${query}`)), createWriteStream(partial));
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
