import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "yaml";
import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import type { ImportSource, SourceArtifacts, SourceExperiment, SourceLoggedModel, SourceModel, SourcePage, SourceRun } from "../../importing/import-source.ts";
import type { DatasetInput, LoggedModelStatus, Metric, Tag } from "../../tracking/schemas.ts";
import type { LocalArtifacts } from "./local-artifacts.ts";
import { lifecycleOf, loggedModelOf, numberOf, runStatusOf, textOf } from "./mlflow-values.ts";

const metricPage = 1000;
const mostBytes = 32 << 20;
const trash = ".trash";
const loggedModelStatus: readonly (LoggedModelStatus | undefined)[] = [undefined, "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"];

type Fields = Record<string, unknown>;

/** A folder `mlruns`: a file for each param, tag and metric, `meta.yaml` for all else. */
export class MlrunsSource implements ImportSource {
  readonly #root: string;
  readonly #artifacts: LocalArtifacts;

  constructor(root: string, artifacts: LocalArtifacts) {
    this.#root = root;
    this.#artifacts = artifacts;
  }

  async experiments(): Promise<SourceExperiment[]> {
    const folders = [...(await this.#experimentFolders(this.#root)), ...(await this.#experimentFolders(join(this.#root, trash)))];
    const found = await Promise.all(folders.map(async (folder): Promise<SourceExperiment> => {
      const meta = await fieldsOf(join(folder, "meta.yaml"));
      return {
        id: basename(folder), name: textOf(meta.name) || basename(folder), lifecycle: lifecycleOf(meta.lifecycle_stage),
        createdAt: numberOf(meta.creation_time), updatedAt: numberOf(meta.last_update_time), tags: await tagsBelow(join(folder, "tags")),
      };
    }));
    if (found.length === 0) throw new AppError("IMPORT_SOURCE_INVALID", "There is no experiment in the folder: it is no mlruns folder, or the server cannot read it.");
    // A deleted one may have the name of one that is there: the name is the latter's.
    return found.filter(({ name, id, lifecycle }) => lifecycle === "active" || !found.some((other) => other.name === name && other.id !== id && other.lifecycle === "active"));
  }

  async runs(experiment: SourceExperiment, after: string | null, limit: number): Promise<SourcePage<SourceRun>> {
    const folder = await this.#folderOf(experiment);
    const names: string[] = [];
    for (const name of await foldersIn(folder)) {
      if (name === "models" || name === "tags" || name === "datasets" || name === "traces" || (after !== null && name <= after)) continue;
      if (await isThere(join(folder, name, "meta.yaml"))) names.push(name);
      if (names.length > limit) break;
    }
    const page = names.slice(0, limit);
    const items = await Promise.all(page.map((name) => this.#run(folder, name)));
    return { items, next: names.length > limit ? page.at(-1)! : null };
  }

  async *metrics(experiment: SourceExperiment, run: SourceRun): AsyncGenerator<Metric[]> {
    const folder = join(await this.#folderOf(experiment), run.id, "metrics");
    for await (const { key, file } of filesBelow(folder)) {
      let points: Metric[] = [];
      for await (const line of createInterface({ input: createReadStream(file) })) {
        const [timestamp, value, step] = line.trim().split(" ");
        if (timestamp === undefined || value === undefined) continue;
        points.push({ key, value: doubleOf(value), timestamp: numberOf(timestamp) ?? 0, step: numberOf(step) ?? 0 });
        if (points.length < metricPage) continue;
        yield points;
        points = [];
      }
      if (points.length > 0) yield points;
    }
  }

  async artifacts(experiment: SourceExperiment, of: { run: SourceRun } | { model: SourceLoggedModel }): Promise<SourceArtifacts> {
    const id = experiment.id;
    const path = "run" in of ? `${of.run.id}/artifacts` : `models/${of.model.id}/artifacts`;
    return this.#artifacts.of("run" in of ? of.run.artifactUri : of.model.artifactUri, [`${id}/${path}`, `${trash}/${id}/${path}`]);
  }

  async loggedModels(experiment: SourceExperiment, after: string | null, limit: number): Promise<SourcePage<SourceLoggedModel>> {
    const folder = join(await this.#folderOf(experiment), "models");
    const names = (await foldersIn(folder)).filter((name) => after === null || name > after);
    const items: SourceLoggedModel[] = [];
    for (const name of names.slice(0, limit)) {
      const meta = await fieldsOf(join(folder, name, "meta.yaml"));
      if (lifecycleOf(meta.lifecycle_stage) === "deleted") continue;
      items.push({
        id: name, name: textOf(meta.name), status: loggedModelStatus[Number(meta.status)] ?? "LOGGED_MODEL_PENDING", createdAt: numberOf(meta.creation_timestamp) ?? 0,
        updatedAt: numberOf(meta.last_updated_timestamp) ?? 0, modelType: textOf(meta.model_type), sourceRun: textOf(meta.source_run_id) || null,
        artifactUri: textOf(meta.artifact_location), params: await tagsBelow(join(folder, name, "params")), tags: await tagsBelow(join(folder, name, "tags")),
        metrics: await modelMetrics(join(folder, name, "metrics")),
      });
    }
    return { items, next: names.length > limit ? names[limit - 1]! : null };
  }

  modelNames(): Promise<string[]> {
    return foldersIn(join(this.#root, "models"));
  }

  async model(name: string): Promise<SourceModel> {
    const folder = join(this.#root, "models", name);
    const meta = await fieldsOf(join(folder, "meta.yaml"));
    const aliases = Object.fromEntries((await tagsBelow(join(folder, "aliases"))).map(({ key, value }) => [key, value.trim()]));
    const numbers = (await foldersIn(folder)).flatMap((each) => /^version-(\d+)$/.exec(each)?.[1] ?? []).map(Number).sort((left, right) => left - right);
    const versions = await Promise.all(numbers.map(async (version) => {
      const fields = await fieldsOf(join(folder, `version-${version}`, "meta.yaml"));
      return {
        version, createdAt: numberOf(fields.creation_timestamp) ?? 0, description: textOf(fields.description), stage: textOf(fields.current_stage), source: textOf(fields.source),
        runId: textOf(fields.run_id) || null, runLink: textOf(fields.run_link), loggedModel: loggedModelOf(textOf(fields.source)) ?? (textOf(fields.model_id) || null),
        tags: await tagsBelow(join(folder, `version-${version}`, "tags")),
      };
    }));
    return {
      name: textOf(meta.name) || name, createdAt: numberOf(meta.creation_timestamp) ?? 0, description: textOf(meta.description), tags: await tagsBelow(join(folder, "tags")), aliases,
      versions: versions.filter(({ stage }) => stage !== "Deleted_Internal"),
    };
  }

  async cannotCome(): Promise<string[]> {
    let traces = 0;
    for (const folder of await this.#experimentFolders(this.#root)) traces += (await foldersIn(join(folder, "traces"))).length;
    return traces === 0 ? [] : [`${counted(traces, "trace stays: there is no place for it", "traces stay: there is no place for them")} here.`];
  }

  async close(): Promise<void> {
    // Nothing is kept open between two calls.
  }

  async #experimentFolders(folder: string): Promise<string[]> {
    const found: string[] = [];
    for (const name of await foldersIn(folder)) {
      if (name === trash || (name === "models" && folder === this.#root)) continue;
      if (await isThere(join(folder, name, "meta.yaml"))) found.push(join(folder, name));
    }
    return found;
  }

  async #folderOf({ id }: SourceExperiment): Promise<string> {
    const folder = join(this.#root, id);
    return (await isThere(join(folder, "meta.yaml"))) ? folder : join(this.#root, trash, id);
  }

  async #run(folder: string, name: string): Promise<SourceRun> {
    const place = join(folder, name);
    const [meta, params, tags, inputs, outputs] = await Promise.all([
      fieldsOf(join(place, "meta.yaml")), tagsBelow(join(place, "params")), tagsBelow(join(place, "tags")), metasIn(join(place, "inputs")), metasIn(join(place, "outputs")),
    ]);
    const datasets: DatasetInput[] = [];
    for (const input of inputs.filter(({ source_type: type }) => type === "DATASET")) {
      const dataset = await fieldsOf(join(folder, "datasets", textOf(input.source_id), "meta.yaml")).catch(() => null);
      if (dataset !== null) datasets.push({ tags: tagsIn(input.tags), dataset: datasetOf(dataset) });
    }
    return {
      id: name, name: textOf(meta.run_name) || (tags.find(({ key }) => key === "mlflow.runName")?.value ?? ""), user: textOf(meta.user_id), status: runStatusOf(meta.status),
      startTime: numberOf(meta.start_time) ?? 0, endTime: numberOf(meta.end_time), lifecycle: lifecycleOf(meta.lifecycle_stage),
      artifactUri: textOf(meta.artifact_uri), params, tags, datasets,
      modelInputs: inputs.filter(({ destination_type: type }) => type === "MODEL_INPUT").map(({ destination_id: model }) => textOf(model)),
      modelOutputs: outputs.map((output) => ({ model: textOf(output.destination_id), step: numberOf(output.step) ?? 0 })),
      notes: inputs.length === datasets.length + inputs.filter(({ destination_type: type }) => type === "MODEL_INPUT").length ? [] : ["Some of its datasets are not in the folder."],
    };
  }
}

function datasetOf(fields: Fields): DatasetInput["dataset"] {
  return {
    name: textOf(fields.name), digest: textOf(fields.digest), sourceType: textOf(fields.source_type), source: textOf(fields.source),
    ...(textOf(fields.schema) === "" ? {} : { schema: textOf(fields.schema) }), ...(textOf(fields.profile) === "" ? {} : { profile: textOf(fields.profile) }),
  };
}

function tagsIn(value: unknown): Tag[] {
  return typeof value === "object" && value !== null ? Object.entries(value).map(([key, each]) => ({ key, value: textOf(each) })) : [];
}

/** `nan` and `inf` as Python writes them. */
function doubleOf(text: string): number {
  const named = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY }[text.toLowerCase()];
  return named ?? Number(text);
}

async function modelMetrics(folder: string): Promise<SourceLoggedModel["metrics"]> {
  const metrics: (Metric & { run: string })[] = [];
  for await (const { key, file } of filesBelow(folder)) {
    for (const line of (await textAt(file)).split("\n")) {
      const [timestamp, value, step, run, datasetName, datasetDigest] = line.trim().split(" ");
      if (value === undefined || run === undefined) continue;
      metrics.push({
        key, value: doubleOf(value), timestamp: numberOf(timestamp) ?? 0, step: numberOf(step) ?? 0, run,
        ...(datasetName === undefined ? {} : { datasetName }), ...(datasetDigest === undefined ? {} : { datasetDigest }),
      });
    }
  }
  return metrics;
}

/** Keys with slashes are folders of folders. */
async function* filesBelow(folder: string, prefix = ""): AsyncGenerator<{ key: string; file: string }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const key = `${prefix}${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(join(folder, entry.name), `${key}/`);
    else if (entry.isFile()) yield { key, file: join(folder, entry.name) };
  }
}

async function tagsBelow(folder: string): Promise<Tag[]> {
  const tags: Tag[] = [];
  for await (const { key, file } of filesBelow(folder)) tags.push({ key, value: await textAt(file) });
  return tags;
}

async function metasIn(folder: string): Promise<Fields[]> {
  return Promise.all((await foldersIn(folder)).map((name) => fieldsOf(join(folder, name, "meta.yaml"))));
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(() => true, () => false);
}

async function textAt(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size > mostBytes) throw new AppError("IMPORT_SOURCE_INVALID", `The file ${basename(file)} of the source is too large to be what it should be.`);
  return readFile(file, "utf8");
}

async function fieldsOf(file: string): Promise<Fields> {
  try {
    const fields: unknown = parse(await textAt(file));
    if (typeof fields === "object" && fields !== null) return fields as Fields;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("IMPORT_SOURCE_INVALID", `A file ${basename(file)} of the source cannot be read.`, { cause });
  }
  throw new AppError("IMPORT_SOURCE_INVALID", `A file ${basename(file)} of the source is no YAML with fields.`);
}
