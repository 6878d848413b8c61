import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import type { ImportSource, SourceArtifacts, SourceExperiment, SourceLoggedModel, SourceModel, SourcePage, SourceRun } from "../../importing/import-source.ts";
import type { Metric, Tag } from "../../tracking/schemas.ts";
import { walk } from "./local-artifacts.ts";
import { readWandbLog } from "./wandb-log.ts";
import { decodeWandbRecord, itemText, itemValue, type WandbItem, type WandbRecord, type WandbRun } from "./wandb-records.ts";
import { flatParams, isPlainNumber, safeKey } from "./wandb-values.ts";

const metricPage = 1000;
const noProject = "uncategorized";
/** The record of the run is among the first of its log. */
const headRecords = 50;

interface RunFolder {
  folder: string;
  log: string;
}

/** Offline folders of W&B: each a log of records, and the files of the run. Its projects become experiments. */
export class WandbSource implements ImportSource {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async experiments(): Promise<SourceExperiment[]> {
    const folders = await this.#folders();
    if (folders.length === 0) throw new AppError("IMPORT_SOURCE_INVALID", "There is no folder offline-run-* with a log of W&B in the folder, or the server cannot read it.");
    const projects = new Set(await Promise.all(folders.map(projectOf)));
    return [...projects].sort().map((name) => ({ id: name, name, lifecycle: "active", createdAt: null, updatedAt: null, tags: [] }));
  }

  async runs(experiment: SourceExperiment, after: string | null, limit: number): Promise<SourcePage<SourceRun>> {
    const items: SourceRun[] = [];
    let last = after;
    for (const folder of await this.#folders()) {
      const name = basename(folder.folder);
      if ((after !== null && name <= after) || (await projectOf(folder)) !== experiment.id) continue;
      if (items.length === limit) return { items, next: last };
      items.push(await readRun(folder));
      last = name;
    }
    return { items, next: null };
  }

  async *metrics(_experiment: SourceExperiment, run: SourceRun): AsyncGenerator<Metric[]> {
    const folder = await this.#folderOf(run);
    const summary = new Map<string, number>(Object.entries(await summaryFile(folder.folder)).filter((entry): entry is [string, number] => isPlainNumber(entry[1])));
    const logged = new Set<string>();
    let points: Metric[] = [];
    let [step, timestamp] = [0, run.startTime];
    for await (const { history, summary: changed } of recordsOf(folder.log, () => undefined)) {
      for (const { key, value } of (changed?.update ?? []).map(itemValue)) if (isPlainNumber(value)) summary.set(key, value);
      if (history === undefined) continue;
      const values = (history.item ?? []).map(itemValue);
      const of = (name: string): unknown => values.find(({ key }) => key === name)?.value;
      step = history.step?.num ?? (isPlainNumber(of("_step")) ? (of("_step") as number) : step);
      if (isPlainNumber(of("_timestamp"))) timestamp = Math.round((of("_timestamp") as number) * 1000);
      for (const { key, value } of values) {
        const number = typeof value === "boolean" ? Number(value) : value;
        if (key.startsWith("_") || typeof number !== "number") continue;
        logged.add(key);
        points.push({ key: safeKey(key), value: number, timestamp, step });
      }
      if (points.length < metricPage) continue;
      for (let start = 0; start < points.length; start += metricPage) yield points.slice(start, start + metricPage);
      points = [];
    }
    for (const [key, value] of summary) if (!logged.has(key) && !key.startsWith("_")) points.push({ key: safeKey(key), value, timestamp, step });
    for (let start = 0; start < points.length; start += metricPage) yield points.slice(start, start + metricPage);
  }

  async artifacts(_experiment: SourceExperiment, of: { run: SourceRun } | { model: SourceLoggedModel }): Promise<SourceArtifacts> {
    if (!("run" in of)) return { kind: "missing", why: "It has no files." };
    return { kind: "files", files: walk(join((await this.#folderOf(of.run)).folder, "files")) };
  }

  loggedModels(): Promise<SourcePage<SourceLoggedModel>> {
    return Promise.resolve({ items: [], next: null });
  }

  modelNames(): Promise<string[]> {
    return Promise.resolve([]);
  }

  model(name: string): Promise<SourceModel> {
    return Promise.reject(new AppError("IMPORT_SOURCE_INVALID", `The source has no registered model ${JSON.stringify(name)}.`));
  }

  cannotCome(): Promise<string[]> {
    return Promise.resolve([]);
  }

  async close(): Promise<void> {
    // Nothing is kept open between two calls.
  }

  /** The folders of runs, or the folder itself where it is one. */
  async #folders(): Promise<RunFolder[]> {
    const own = await logIn(this.#root);
    if (own !== null) return [{ folder: this.#root, log: own }];
    const entries = await readdir(this.#root, { withFileTypes: true }).catch(() => []);
    const found: RunFolder[] = [];
    for (const entry of entries) {
      if (!entry.isDirectory() || !/^(offline-)?run-/.test(entry.name)) continue;
      const folder = join(this.#root, entry.name);
      const log = await logIn(folder);
      if (log !== null) found.push({ folder, log });
    }
    return found.sort((left, right) => (left.folder < right.folder ? -1 : 1));
  }

  /** A run that was resumed has several folders. */
  async #folderOf(run: SourceRun): Promise<RunFolder> {
    const found = (await this.#folders()).find(({ folder }) => run.artifactUri === folderUri(folder));
    if (found === undefined) throw new AppError("IMPORT_SOURCE_INVALID", `The folder of the run ${run.id} is gone.`);
    return found;
  }
}

/** Names the folder within the source, and is told to nobody. */
function folderUri(folder: string): string {
  return `wandb:${basename(folder)}`;
}

async function logIn(folder: string): Promise<string | null> {
  const names = await readdir(folder).catch(() => []);
  const name = names.find((each) => /^run-.*\.wandb$/.test(each));
  return name === undefined ? null : join(folder, name);
}

async function* recordsOf(log: string, onDamage: () => void): AsyncGenerator<WandbRecord> {
  for await (const bytes of readWandbLog(log, onDamage)) {
    try {
      yield decodeWandbRecord(bytes);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      onDamage();
      return;
    }
  }
}

async function projectOf({ log }: RunFolder): Promise<string> {
  let seen = 0;
  for await (const { run } of recordsOf(log, () => undefined)) {
    if (run !== undefined) return run.project || noProject;
    if (++seen > headRecords) break;
  }
  return noProject;
}

async function readRun({ folder, log }: RunFolder): Promise<SourceRun> {
  const config = new Map<string, unknown>(Object.entries(await configFile(folder)));
  const summary = new Map<string, unknown>(Object.entries(await summaryFile(folder)));
  const configure = (items: readonly WandbItem[] = []): void => items.map(itemText).forEach(({ key, value }) => config.set(key, value));
  const summarize = (items: readonly WandbItem[] = []): void => items.map(itemValue).forEach(({ key, value }) => summary.set(key, value));
  let run: WandbRun | undefined;
  let environment: WandbRecord["environment"];
  let [exitCode, runtime, last, artifacts]: [number | null, number, number, number] = [null, 0, 0, 0];
  const notes = new Set<string>();
  for await (const record of recordsOf(log, () => notes.add("The end of its log is damaged: what comes after cannot be read."))) {
    if (record.run !== undefined) {
      run = { ...run, ...record.run };
      configure(record.run.config?.update);
      summarize(record.run.summary?.update);
    }
    configure(record.config?.update);
    summarize(record.summary?.update);
    environment = record.environment ?? environment;
    if (record.artifact !== undefined) artifacts++;
    if (record.exit !== undefined) [exitCode, runtime] = [record.exit.exitCode ?? 0, record.exit.runtime ?? 0];
    for (const item of record.history?.item ?? []) {
      const { key, value } = itemValue(item);
      if (key === "_timestamp" && isPlainNumber(value)) last = Math.round(value * 1000);
      else if (typeof value === "object" && value !== null) notes.add(`The history of ${key} is no number: its files came, and where they belong did not.`);
    }
  }
  if (artifacts > 0) notes.add(`${counted(artifacts, "artifact of W&B stays: its files are", "artifacts of W&B stay: their files are")} not in the folder.`);
  const metadata = await jsonFile(join(folder, "files", "wandb-metadata.json"));
  const startTime = (run?.startTime?.seconds ?? 0) * 1000 + Math.round((run?.startTime?.nanos ?? 0) / 1e6);
  const id = run?.runId ?? /^run-(.*)\.wandb$/.exec(basename(log))![1]!;
  const git = run?.git ?? environment?.git ?? (metadata.git as { commit?: string; remote?: string } | undefined);
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const tags: Tag[] = [
    ["mlflow.note.content", run?.notes], ["wandb.group", run?.runGroup], ["wandb.job_type", run?.jobType], ["wandb.sweep", run?.sweepId], ["wandb.tags", run?.tags?.join(",")],
    ["wandb.host", run?.host ?? environment?.host ?? text(metadata.host)], ["mlflow.source.git.commit", git?.commit], ["mlflow.source.name", environment?.program ?? text(metadata.program)],
    ...[...summary].flatMap(([key, value]) => (!key.startsWith("_") && typeof value === "string" ? [[`wandb.summary.${safeKey(key)}`, value] as const] : [])),
  ].flatMap(([key, value]) => (value === undefined || value === "" ? [] : [{ key: key!, value: value.slice(0, 8000) }]));
  return {
    id, name: run?.displayName || id, user: environment?.username ?? text(metadata.username), startTime,
    // Without its last record the program was killed, or is still running somewhere.
    status: exitCode === null ? "KILLED" : exitCode === 0 ? "FINISHED" : "FAILED",
    endTime: runtime > 0 ? startTime + runtime * 1000 : last > 0 ? last : null,
    lifecycle: "active", artifactUri: folderUri(folder), params: flatParams(config), tags, datasets: [], modelInputs: [], modelOutputs: [], notes: [...notes],
  };
}

async function configFile(folder: string): Promise<Record<string, unknown>> {
  const text = await readFile(join(folder, "files", "config.yaml"), "utf8").catch(() => "");
  try {
    const fields = (parse(text) ?? {}) as Record<string, { value?: unknown } | null>;
    return Object.fromEntries(Object.entries(fields).flatMap(([key, field]) => (typeof field === "object" && field !== null && "value" in field ? [[key, field.value]] : [])));
  } catch {
    return {}; // the log says the same
  }
}

function summaryFile(folder: string): Promise<Record<string, unknown>> {
  return jsonFile(join(folder, "files", "wandb-summary.json"));
}

/** Without a file, or for one that is no JSON, nothing: the log says the same. */
async function jsonFile(file: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(file, "utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
