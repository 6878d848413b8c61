import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { NodeEgressClient } from "./adapters/egress/node-egress-client.ts";
import type { DuckdbChild } from "./adapters/duckdb/duckdb-child.ts";
import { HubModels } from "./adapters/huggingface/hub-models.ts";
import { HubRepository } from "./adapters/huggingface/hub-repository.ts";
import { OnnxRuntime } from "./adapters/onnx/onnx-runtime.ts";
import { filesOfModel, isWeightsAlone, weightsAloneAdvice } from "./adapters/python/folder-model.ts";
import { LookupRuntime } from "./adapters/lookup/lookup-runtime.ts";
import { LookupTables } from "./adapters/lookup/lookup-tables.ts";
import { MlflowModelReader } from "./adapters/python/mlflow-model-reader.ts";
import { PythonEnvironments } from "./adapters/python/python-environments.ts";
import { PythonExporter } from "./adapters/python/python-exporter.ts";
import { PythonInspector } from "./adapters/python/python-inspector.ts";
import { PythonRuntime } from "./adapters/python/python-runtime.ts";
import { uploadedFiles } from "./adapters/python/uploaded-model.ts";
import { installerEnvironment, type Config } from "./config/index.ts";
import type { Caller } from "./core/caller.ts";
import type { EpochMs } from "./core/clock.ts";
import { AppError } from "./core/errors.ts";
import type { Logger } from "./core/logger.ts";
import type { DatasetService } from "./datasets/index.ts";
import type { ModelConverter } from "./exporting/index.ts";
import { placeOfLocalSource, requireLocalSource, type OpenedTracking } from "./open-tracking.ts";
import { isLocalLocation } from "./core/local-path.ts";
import { openUpstreams, type OpenedUpstreams } from "./open-upstreams.ts";
import type { Artifact, BlobStore, LookupSource, ModelSourceReader, RequireLocalSource, SourceModel, VersionSource } from "./registry/index.ts";
import { RuntimeChoice, type ModelRuntime } from "./serving/index.ts";
import { artifactPathOf, nameOfPlace, placeBelow, type ArtifactPlace, type Run } from "./tracking/index.ts";
import { TrainingData } from "./training-data.ts";

interface Parts extends Pick<Parameters<typeof openUpstreams>[0], "database" | "secrets" | "answers" | "clock" | "ids"> {
  config: Config;
  blobs: BlobStore;
  tracking: OpenedTracking;
  datasets: DatasetService;
  duckdb: DuckdbChild;
  environment: Readonly<Record<string, string>>;
  logger: Logger;
}

export interface OpenedModels extends Omit<OpenedUpstreams, "runtime"> {
  runtime: ModelRuntime;
  lookups: LookupSource;
  sources: ModelSourceReader;
  /** Undefined where there are no shared folders: no path of a disk is a source then. */
  requireLocalSource: RequireLocalSource | undefined;
  /** Reads the files of a model. */
  reader: MlflowModelReader;
  converter: ModelConverter;
  executionProviders(): string[];
  /** Ends installations, so that nothing waits for them. */
  close(): void;
  /** Answers how many went. */
  removeUnusedEnvironments(now: EpochMs): Promise<number>;
}

/** What runs models, of ONNX and of Python, and what reads them where runs have left them. */
export async function openModels({ tracking, datasets, duckdb, environment, ...parts }: Parts): Promise<OpenedModels> {
  const { config, blobs, logger, answers } = parts;
  const onnx = new OnnxRuntime({ logger, environment, intraOpThreads: config.intraOpThreads, answers });
  const directory = resolve(config.pythonEnvironments ?? join(config.data, "python-environments"));
  const environments = new PythonEnvironments({
    directory, python: config.python, buildsFromSource: config.pythonSourcePackages, environment, installerEnvironment: installerEnvironment(), logger,
  });
  const python = await PythonRuntime.open({
    blobs, environments, environment, logger, answers, intraOpThreads: config.intraOpThreads,
    // Servers may share the environments; the files of runners are of one.
    directory: join(directory, `runners-${createHash("sha256").update(resolve(config.data)).digest("hex").slice(0, 16)}`),
    user: { name: config.pythonUser === "root" ? null : (config.pythonUser ?? "nobody"), required: config.pythonUser !== undefined },
    memoryBytes: config.pythonMemoryBytes === 0 ? null : config.pythonMemoryBytes,
  });
  const reader = new MlflowModelReader({ blobs, inspector: new PythonInspector(python) });
  const repository = new HubRepository({
    egress: new NodeEgressClient({ allowed: config.egressAllowed }), blobs, url: config.hubUrl, token: config.hubToken,
    select: (paths) => ({ wanted: filesOfModel(paths), ...(isWeightsAlone(paths) ? { why: weightsAloneAdvice } : {}) }),
  });
  const { runtime: upstream, ...upstreams } = openUpstreams(parts);
  return {
    ...upstreams,
    runtime: new RuntimeChoice(onnx, [python, upstream, new LookupRuntime()]),
    lookups: new LookupTables({ child: duckdb, blobs }),
    reader,
    converter: new PythonExporter({ runtime: python, blobs }),
    sources: new HubModels({ repository, readFolder: (files) => reader.read(files), others: new TrackedModels({ reader, blobs, tracking, training: new TrainingData({ blobs, tracking, datasets }) }) }),
    requireLocalSource: tracking.locations.isShared ? (source, caller) => requireLocalSource(tracking, caller, source) : undefined,
    executionProviders: () => onnx.executionProviders,
    close: () => environments.close(),
    removeUnusedEnvironments: (now) => environments.removeUnused(python.environmentsInUse, now),
  };
}

/** Models among the artifacts of runs and of logged models, and those that are uploaded. */
class TrackedModels implements ModelSourceReader {
  readonly #reader: MlflowModelReader;
  readonly #blobs: BlobStore;
  readonly #tracking: OpenedTracking;
  readonly #training: TrainingData;

  constructor(parts: { reader: MlflowModelReader; blobs: BlobStore; tracking: OpenedTracking; training: TrainingData }) {
    this.#reader = parts.reader;
    this.#blobs = parts.blobs;
    this.#tracking = parts.tracking;
    this.#training = parts.training;
  }

  async read(source: VersionSource, { caller }: { caller: Caller; now: EpochMs }): Promise<SourceModel | null> {
    const place = await this.#placeOf(source, caller).catch(unlessMissing);
    const files = place === null ? null : await this.#files(place, caller).catch(unlessMissing);
    if (files === null || files.length === 0) return null;
    const found = await this.#reader.read(files);
    if (found === null) return null;
    const { runId, modelId, ...model } = found;
    const logged = source.loggedModel ?? loggedModelIn(source.uri) ?? modelId ?? undefined;
    const run = await this.#run(source.runId ?? runIn(source.uri) ?? runId, caller);
    const isTable = model.runtime.kind === "onnx" || (model.signature?.inputs.length ?? 0) > 0;
    const training = isTable ? await this.#training.find(run, files, caller) : { notes: [] };
    return {
      ...model,
      ...(training.reference === undefined ? {} : { reference: training.reference }),
      notes: [...model.notes, ...training.notes],
      evaluation: Object.fromEntries((run?.metrics ?? []).filter(({ value }) => Number.isFinite(value)).map(({ key, value }) => [key, value])),
      lineage: { ...(run === null ? {} : lineageOf(run)), ...(logged === undefined ? {} : { loggedModel: logged }) },
    };
  }

  async readFile(file: { digest: string; bytes: number; fileName: string; path: string }): Promise<SourceModel | null> {
    const files = await uploadedFiles(file, this.#blobs);
    const found = files === null ? null : await this.#reader.read(files);
    if (found === null) {
      if (files === null) return null;
      throw new AppError("MODEL_FILE_INVALID", "The folder holds no model: neither an MLmodel file nor a model of a known kind.");
    }
    const { runId: _run, modelId: _model, ...model } = found;
    if (model.runtime.kind === "onnx") throw new AppError("MODEL_FILE_INVALID", `The folder holds a model in ONNX: deploy its file ${model.runtime.file.path} itself.`);
    return { ...model, evaluation: {}, lineage: {} };
  }

  /** Null for places that this server does not read. */
  async #placeOf(source: VersionSource, caller: Caller): Promise<ArtifactPlace | null> {
    const { uri, loggedModel } = source;
    const { tracking, models, artifacts } = this.#tracking;
    if (isLocalLocation(uri)) return placeOfLocalSource(this.#tracking, caller, source);
    const ofRun = /^runs:\/+([^/]+)\/?(.*)$/.exec(uri);
    if (ofRun !== null) {
      const place = artifacts.placeOf(await tracking.run(caller, ofRun[1]!), ofRun[2]!.replace(/\/+$/, ""));
      // Clients of today leave the files with the logged model, and name the run all the same.
      if (place !== null && (loggedModel === undefined || (await artifacts.list(caller, place)).length > 0)) return place;
    }
    const model = loggedModelIn(uri) ?? loggedModel;
    if (model !== undefined) return artifacts.placeOf(await models.model(caller, model));
    return artifactPathOf(uri);
  }

  async #files(place: ArtifactPlace, caller: Caller): Promise<Artifact[]> {
    const { artifacts } = this.#tracking;
    const files: Artifact[] = [];
    // Of the service: whoever may not see it finds nothing.
    for (const { path } of await artifacts.walk(caller, place)) {
      files.push({ path: path === "" ? nameOfPlace(place) : path, ...(await this.#blobs.put(await artifacts.read(caller, placeBelow(place, path)))) });
    }
    return files;
  }

  async #run(id: string | null | undefined, caller: Caller): Promise<Run | null> {
    return id === null || id === undefined || id === "" ? null : this.#tracking.tracking.run(caller, id).catch(unlessMissing);
  }
}

function lineageOf(run: Run): SourceModel["lineage"] {
  const tag = (key: string): string | undefined => run.tags.find((one) => one.key === key)?.value;
  const [parent, revision] = [tag("mlflow.parentRunId"), tag("mlflow.source.git.commit")];
  return {
    run: {
      id: run.id, name: run.name, experiment: run.experiment,
      params: Object.fromEntries(run.params.map(({ key, value }) => [key, value])),
      datasets: run.datasets.map(({ dataset, tags }) => {
        const context = tags.find(({ key }) => key === "mlflow.data.context")?.value;
        return { name: dataset.name, digest: dataset.digest, ...(context === undefined ? {} : { context }) };
      }),
      ...(parent === undefined ? {} : { parent }),
    },
    ...(revision === undefined ? {} : { codeRevision: revision.slice(0, 200) }),
  };
}

function loggedModelIn(uri: string): string | undefined {
  return /^models:\/+(m-[0-9a-f]{32})\/?$/.exec(uri)?.[1];
}

function runIn(uri: string): string | undefined {
  return /^runs:\/+([^/]+)/.exec(uri)?.[1];
}

/** What is not there, or not to be seen, is no model; anything else is told. */
function unlessMissing(error: unknown): null {
  if (error instanceof AppError && (error.status === 404 || error.code === "FORBIDDEN" || error.code === "INVALID_PARAMETER" || error.code === "OBJECT_DELETED")) return null;
  throw error;
}
