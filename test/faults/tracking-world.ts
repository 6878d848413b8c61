import assert from "node:assert/strict";
import type { MlflowWire } from "../kit/mlflow-wire.ts";
import type { World } from "./write-ledger.ts";

interface Pair {
  key: string;
  value: string;
}

interface WireMetric {
  run_id: string;
  key: string;
  value: number;
  timestamp: number;
  step: number;
}

export interface WireRun {
  info: { run_id: string; run_name: string; experiment_id: string; end_time?: number; lifecycle_stage: string };
  data: { metrics?: WireMetric[]; params?: Pair[]; tags: Pair[] };
  inputs: { dataset_inputs?: { tags?: Pair[]; dataset: { name: string; digest: string } }[] };
  outputs?: { model_outputs?: { model_id: string }[] };
}

/** Tags and aliases that callers overwrite for each other. */
export const shared = ["a", "b"];
const keysOfMetrics = ["loss", "accuracy"];
const facts = (pairs: readonly Pair[] | undefined, text: (pair: Pair) => string): string[] => (pairs ?? []).map(text);
const numberIn = (pairs: readonly Pair[] | undefined, wanted: string): number | null => {
  const found = (pairs ?? []).find(({ key }) => key === wanted);
  return found === undefined ? null : Number(found.value);
};

/** The bytes that a write of this number stores: of another length and another content for each. */
export function contentOf(number: number): Uint8Array<ArrayBuffer> {
  const length = number % 40 === 0 ? 400_000 : 20 + ((number * 7919) % 20_000);
  const content = new Uint8Array(length).fill(number % 251);
  content.set(Buffer.from(`${number} `));
  return content;
}

/** Reads all of a server over MLflow's wire, as facts and registers; `artifacts` are those that must be there. Throws when a run contradicts itself. */
export async function readWorld(wire: MlflowWire, artifacts: readonly string[]): Promise<World> {
  const found: string[] = [];
  const chosen: string[] = [];
  const registers = new Map<string, number | null>(artifacts.map((path) => [`file ${path}`, null]));

  const experiments = list<{ experiment_id: string; name: string; tags?: Pair[] }>(await wire.post("experiments/search", { max_results: 1000, view_type: "ALL" }), "experiments").filter(({ name }) => name !== "Default");
  for (const { experiment_id: id, name, tags } of experiments) {
    found.push(`experiment ${name}`, ...facts(tags?.filter(({ key }) => key === "of"), ({ key, value }) => `experiment ${name} tag ${key}=${value}`));
    registers.set(`experiment ${id} tag a`, numberIn(tags, "a"));
  }
  const ids = experiments.map(({ experiment_id: id }) => id);
  if (ids.length > 0) {
    const logged = await everyPage<{ info: { model_id: string; status: string; tags?: Pair[] }; data: { params?: Pair[] } }>(wire, "logged-models/search", { experiment_ids: ids, max_results: 1000 }, "models");
    const labels = new Map(logged.map(({ info }) => [info.model_id, numberIn(info.tags, "born")]));
    for (const { info, data } of logged) {
      const label = labels.get(info.model_id);
      found.push(`logged ${label} born`, ...facts(data.params, ({ key }) => `logged ${label} ${key}`), ...(info.status === "LOGGED_MODEL_READY" ? [`logged ${label} ready`] : []));
    }
    await readRuns(wire, ids, labels, { found, registers });
  }
  await readRegistry(wire, { found, chosen, registers });
  return { facts: new Set(found), chosen: new Set(chosen), registers };
}

interface Reading {
  found: string[];
  registers: Map<string, number | null>;
}

async function readRuns(wire: MlflowWire, experiments: readonly string[], models: ReadonlyMap<string, number | null>, { found, registers }: Reading): Promise<void> {
  const runs = await everyPage<WireRun>(wire, "runs/search", { experiment_ids: experiments, run_view_type: "ALL", max_results: 1000 }, "runs");
  const points = new Map<string, WireMetric[]>();
  for (let index = 0; index < runs.length; index += 100) {
    for (const key of keysOfMetrics) {
      const { metrics } = await wire.get("metrics/get-history-bulk", { run_id: runs.slice(index, index + 100).map(({ info }) => info.run_id), metric_key: key });
      for (const point of metrics as WireMetric[]) points.set(point.run_id, [...(points.get(point.run_id) ?? []), point]);
    }
  }
  for (const { info, data, inputs, outputs } of runs) {
    const label = numberIn(data.tags, "born");
    const own = points.get(info.run_id) ?? [];
    const isLogged = ({ key }: Pair): boolean => key === "born" || key === "twin" || key.startsWith("tag-");
    found.push(
      ...facts(data.tags.filter(isLogged), ({ key, value }) => `run ${label} tag ${key}=${value}`),
      ...facts(data.params, ({ key, value }) => `run ${label} param ${key}=${value}`),
      ...own.map(({ key, step, timestamp, value }) => `run ${label} metric ${key} ${step} ${timestamp} ${value}`),
      ...(inputs.dataset_inputs ?? []).map(({ dataset, tags }) => `run ${label} dataset ${dataset.name} ${dataset.digest} ${tags?.[0]?.value}`),
      ...(outputs?.model_outputs ?? []).map(({ model_id: model }) => `run ${label} output ${models.get(model)}`),
      ...(JSON.parse(data.tags.find(({ key }) => key === "mlflow.log-model.history")?.value ?? "[]") as { artifact_path: string }[]).map(({ artifact_path: path }) => `run ${label} model ${path}`),
      ...(info.lifecycle_stage === "deleted" ? [`run ${label} deleted`] : []),
    );
    const latest = new Map((data.metrics ?? []).map(({ key, value }) => [key, value]));
    for (const [key, all] of Map.groupBy(own, (point) => point.key)) {
      const last = all.sort((left, right) => left.step - right.step || left.timestamp - right.timestamp || left.value - right.value).at(-1)!;
      assert.equal(latest.get(key), last.value, `the latest ${key} of run ${label} is the one of the greatest step`);
    }
    assert.equal(latest.size, new Set(own.map(({ key }) => key)).size, `run ${label} shows the metrics that it has`);
    for (const key of shared) registers.set(`run ${label} tag ${key}`, numberIn(data.tags, key));
    const name = info.run_name === "unnamed" ? null : Number(info.run_name.slice("named-".length));
    assert.equal(name, info.end_time ?? null, `the name and the end of run ${label} came together`);
    assert.equal(data.tags.find(({ key }) => key === "mlflow.runName")?.value, info.run_name);
    registers.set(`run ${label} name`, name);
    registers.set(`run ${label} end`, info.end_time ?? null);
    await readFiles(wire, `${info.experiment_id}/${info.run_id}/artifacts`, registers);
  }
}

/** Whatever is there is whole: half of a file, or a file on its way, would be none of those that were written. */
async function readFiles(wire: MlflowWire, folder: string, registers: Map<string, number | null>): Promise<void> {
  for (const { name, isFolder, bytes } of await wire.folder(folder)) {
    const path = `${folder}/${name}`;
    if (isFolder) {
      await readFiles(wire, path, registers);
      continue;
    }
    const content = Buffer.from((await wire.file(path))!);
    const number = Number(content.subarray(0, content.indexOf(" ")).toString());
    assert.ok(content.equals(contentOf(number)) && bytes === content.length, `the file ${path} is whole`);
    registers.set(`file ${path}`, number);
  }
}

async function readRegistry(wire: MlflowWire, { found, chosen, registers }: Reading & { chosen: string[] }): Promise<void> {
  const versions = list<{ name: string; version: string; source: string; tags?: Pair[] }>(await wire.get("model-versions/search", { max_results: "100000" }), "model_versions");
  const labels = new Map<string, number>();
  for (const { name, version, source, tags } of versions) {
    const label = Number(source.slice("s3://bucket/".length));
    labels.set(`${name} ${version}`, label);
    found.push(`version ${label} of ${name}`);
    if (numberIn(tags, "of") === label) found.push(`version ${label} tagged`);
    chosen.push(`version ${label} is ${name} ${version}`);
  }
  for (const { name, description, tags, aliases = [] } of list<{ name: string; description?: string; tags?: Pair[]; aliases?: { alias: string; version: string }[] }>(
    await wire.get("registered-models/search", { max_results: "1000" }), "registered_models",
  )) {
    found.push(`model ${name}`, ...facts(tags, ({ key, value }) => `model ${name} tag ${key}=${value}`));
    registers.set(`model ${name} description`, (description ?? "") === "" ? null : Number(description));
    const pointed = new Map(aliases.map(({ alias, version }) => [alias, labels.get(`${name} ${version}`)!]));
    for (const alias of shared) registers.set(`model ${name} alias ${alias}`, pointed.get(alias) ?? null);
  }
}

function list<Item>(answer: Record<string, unknown>, name: string): Item[] {
  assert.equal(answer["next_page_token"] ?? "", "", `all of the ${name} fit into one answer`);
  return (answer[name] ?? []) as Item[];
}

async function everyPage<Item>(wire: MlflowWire, path: string, fields: object, name: string): Promise<Item[]> {
  const found: Item[] = [];
  for (let token: unknown; ; ) {
    const answer: Record<string, unknown> = await wire.post(path, { ...fields, ...(token === undefined ? {} : { page_token: token }) });
    found.push(...((answer[name] ?? []) as Item[]));
    token = answer["next_page_token"];
    if (token === undefined || token === "") return found;
  }
}
