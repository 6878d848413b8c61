import { AppError } from "./core/errors.ts";
import type { Caller } from "./core/caller.ts";
import type { DatasetService } from "./datasets/index.ts";
import type { OpenedTracking } from "./open-tracking.ts";
import type { Artifact, BlobStore, SourceModel } from "./registry/index.ts";
import { artifactPathOf, nameOfPlace, placeBelow, type ArtifactPlace, type DatasetInput, type Run } from "./tracking/index.ts";

type Reference = NonNullable<SourceModel["reference"]>;

export interface FoundTrainingData {
  reference?: Reference;
  /** Why what was looked at is no reference; empty where one was found. */
  notes: string[];
}

/** Contexts with which training code says that a dataset was trained on; autologging says `train`. */
const trainingContexts = ["training", "train"];
const referenceName = /^(?:[^/]+\/)?reference\.(parquet|csv)$/;

/** Finds what a model was trained on, among what its run logged and left, in the name of the caller. */
export class TrainingData {
  readonly #blobs: BlobStore;
  readonly #tracking: OpenedTracking;
  readonly #datasets: DatasetService;

  constructor(parts: { blobs: BlobStore; tracking: OpenedTracking; datasets: DatasetService }) {
    this.#blobs = parts.blobs;
    this.#tracking = parts.tracking;
    this.#datasets = parts.datasets;
  }

  /**
   * The dataset that the run logged as its training data, where its content is kept here; else the file `reference.parquet` or `reference.csv` of
   * the model's folder or of the run, at the top or one folder below.
   */
  async find(run: Run | null, files: readonly Artifact[], caller: Caller): Promise<FoundTrainingData> {
    const notes: string[] = [];
    const target = run?.tags.find(({ key }) => key === "slipway.target")?.value;
    const found = (await this.#logged(run, caller, notes)) ?? referenceAmong(files) ?? (await this.#left(run, caller));
    if (found === null) return { notes };
    return { reference: { ...found, ...(target === undefined || target === "" ? {} : { target }) }, notes: [] };
  }

  async #logged(run: Run | null, caller: Caller, notes: string[]): Promise<Reference | null> {
    if (run === null) return null;
    const contextOf = ({ tags }: DatasetInput): string | undefined => tags.find(({ key }) => key === "mlflow.data.context")?.value;
    const training = run.datasets.filter((input) => trainingContexts.includes(contextOf(input) ?? ""));
    // Data for evaluation is no training data; data without a word about its use may be.
    for (const { dataset } of [...training, ...run.datasets.filter((input) => contextOf(input) === undefined)]) {
      const found = await this.#contentOf(dataset, run, caller).catch(becauseMissing);
      if (typeof found !== "string") return found;
      notes.push(`The dataset ${JSON.stringify(dataset.name.slice(0, 140))} of the run gave no reference profile: ${found}`);
    }
    return null;
  }

  /** The content, or a sentence that says why there is none. */
  async #contentOf(dataset: DatasetInput["dataset"], run: Run, caller: Caller): Promise<Reference | string> {
    const held = await this.#datasets.versionOfDigest(caller, dataset.name, dataset.digest);
    if (held !== null) return heldReference(held);
    const address = addressOf(dataset.source);
    if (address === null) return "its source names no place.";
    const ofSlipway = /^slipway:\/+datasets\/([^/]+)(?:\/([1-9][0-9]{0,8}))?\/?$/.exec(address);
    if (ofSlipway !== null) return heldReference(await this.#datasets.version(caller, decodeURIComponent(ofSlipway[1]!), ofSlipway[2] === undefined ? undefined : Number(ofSlipway[2])));
    const path = await this.#placeOf(address, run, caller);
    if (path === null) return "its content is not kept here: log the file as an artifact of the run.";
    return (await this.#artifact(path, caller)) ?? "its source ends neither in .parquet nor in .csv.";
  }

  /** Null for what is not kept here. A local file counts as the artifact of its name that the run left. */
  async #placeOf(address: string, run: Run, caller: Caller): Promise<ArtifactPlace | null> {
    const ofRun = /^runs:\/+([^/]+)\/(.+)$/.exec(address);
    if (ofRun !== null) return this.#tracking.artifacts.placeOf(await this.#tracking.tracking.run(caller, ofRun[1]!), ofRun[2]!);
    if (address.startsWith("mlflow-artifacts:/")) return artifactPathOf(address);
    if (/^[a-z][a-z0-9+.-]+:/i.test(address) && !address.startsWith("file:")) return null;
    const name = address.split(/[\\/]/).at(-1)!;
    return (await this.#artifactsOf(run, caller)).find(({ place }) => nameOfPlace(place) === name)?.place ?? null;
  }

  async #left(run: Run | null, caller: Caller): Promise<Reference | null> {
    if (run === null) return null;
    const found = (await this.#artifactsOf(run, caller)).filter(({ path }) => referenceName.test(path));
    const chosen = found.find(({ path }) => path.endsWith(".parquet")) ?? found[0];
    return chosen === undefined ? null : this.#artifact(chosen.place, caller);
  }

  /** Files of the run at the top, then those one folder below; none where its artifacts are kept elsewhere. */
  async #artifactsOf(run: Run, caller: Caller): Promise<{ path: string; place: ArtifactPlace }[]> {
    const { artifacts } = this.#tracking;
    const root = artifacts.placeOf(run);
    if (root === null || root === "") return [];
    const top = await artifacts.list(caller, root);
    const paths = top.filter(({ isDirectory }) => !isDirectory).map(({ name }) => name);
    for (const { name } of top.filter(({ isDirectory }) => isDirectory)) {
      for (const entry of await artifacts.list(caller, placeBelow(root, name))) if (!entry.isDirectory) paths.push(`${name}/${entry.name}`);
    }
    return paths.map((path) => ({ path, place: placeBelow(root, path) }));
  }

  /** Null for what is no table by its name. */
  async #artifact(place: ArtifactPlace, caller: Caller): Promise<Reference | null> {
    const format = formatOf(nameOfPlace(place));
    if (format === null) return null;
    const { digest } = await this.#blobs.put(await this.#tracking.artifacts.read(caller, place));
    return { digest, format };
  }
}

function heldReference({ dataset, version, digest, format, target }: { dataset: string; version: number; digest: string; format: "parquet" | "csv"; target: string | null }): Reference {
  return { digest, format, name: `${dataset}@${version}`, ...(target === null ? {} : { target }) };
}

/** Where a logged dataset's source says that it is; sources are JSON whose key depends on their kind. */
function addressOf(source: string): string | null {
  try {
    const { uri, url, path } = (JSON.parse(source) ?? {}) as Record<string, unknown>;
    const address = uri ?? url ?? path;
    return typeof address === "string" && address !== "" ? address : null;
  } catch {
    return source === "" ? null : source;
  }
}

function referenceAmong(files: readonly Artifact[]): Reference | null {
  const found = files.filter(({ path }) => referenceName.test(path));
  const file = found.find(({ path }) => path.endsWith(".parquet")) ?? found[0];
  return file === undefined ? null : { digest: file.digest, format: formatOf(file.path)! };
}

function formatOf(path: string): "parquet" | "csv" | null {
  if (/\.(parquet|pq)$/i.test(path)) return "parquet";
  return /\.csv$/i.test(path) ? "csv" : null;
}

/** What is not there, or not to be seen, is no training data; a failure of this server is told. */
function becauseMissing(error: unknown): string {
  if (error instanceof AppError && error.status < 500) return error.message.endsWith(".") ? error.message : `${error.message}.`;
  throw error;
}
