import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import type { Artifact, ExampleTensor, LookupFacts, PythonFacts, RunLineage, TensorSpec, UpstreamFacts } from "./schemas.ts";

/** Where a version comes from, as its registrar said it. */
export interface VersionSource {
  /** Such as `runs:/<run>/model`, `models:/m-<id>`, `models:/NAME/1`, `mlflow-artifacts:/<experiment>/<run>/artifacts/model`; a local path only as `RequireLocalSource` takes it. */
  uri: string;
  runId?: string;
  /** Id of the logged model, where the registrar named one. */
  loggedModel?: string;
}

/**
 * Judges an address that is a path of a disk or a `file:` URI: it must lie in the artifacts of the run or the logged model that the registrar named, in a folder that
 * the server shares. Throws MODEL_SOURCE_INVALID.
 */
export type RequireLocalSource = (source: VersionSource, caller: Caller) => Promise<void>;

/** A model folder that was read, its files put into the blob store. Whoever may register it may read every file of it. */
export interface SourceModel {
  /** Every file of the folder, with paths relative to it, `/` between, by path. All are in the blob store. */
  files: readonly Artifact[];
  /** Names of the flavours that its MLmodel offers, such as `["python_function", "sklearn"]`; empty for a bare file. */
  flavours: readonly string[];
  /** As the folder says it; null when it says none. An ONNX file's own inputs and outputs win over it. */
  signature: { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] } | null;
  /** The input example as tensors that fit the signature; null where there is none or it does not fit. */
  example: readonly ExampleTensor[] | null;
  /** Which of the files serves, and how: an ONNX file is inspected and tried exactly as `slipway deploy` does it. */
  runtime: { kind: "onnx"; file: Artifact } | { kind: "python"; python: PythonFacts } | { kind: "upstream"; upstream: UpstreamFacts } | { kind: "lookup"; lookup: LookupFacts };
  /** But for ONNX: whether rows of several callers may be joined, as a trial showed; where it is not said, the signature decides. */
  batchable?: boolean;
  /** Training data to profile, in the blob store: a logged dataset or an artifact. `name` is of a dataset that is held here, with its version. */
  reference?: { digest: string; format: "parquet" | "csv"; target?: string; name?: string };
  /** Metrics that its run logged about it, for the contract's evaluation. */
  evaluation: Readonly<Record<string, number>>;
  /** What the reading noticed, in sentences for people. */
  notes: readonly string[];
  /** The address of exactly what was read, where the given one can lead elsewhere later. */
  source?: string;
  /** What its run says of where it comes from. */
  lineage: {
    run?: RunLineage;
    codeRevision?: string;
    /** Logged model that it is, by id. */
    loggedModel?: string;
  };
}

/**
 * Reads what a version is made from. The registry calls it once, before the version is written; what it puts into the blob
 * store stays when a version names it.
 */
export interface ModelSourceReader {
  /**
   * Null where nothing can be read as a model: no such run or artifact, none that the caller may see, a kind of address that is not
   * kept here, a folder without a model. Throws an AppError below 500 for a model that is there and is wrong; the version is
   * registered then too, with the message as its note, and cannot run.
   */
  read(source: VersionSource, by: { caller: Caller; now: EpochMs }): Promise<SourceModel | null>;
  /**
   * Reads an uploaded file that is to be deployed and whose name does not end in `.onnx`, such as `model.pkl`. Null for what is to be
   * treated as ONNX all the same. Throws an AppError below 500 for a model that is wrong: nothing is registered then.
   */
  readFile?(file: { digest: string; bytes: number; fileName: string; path: string }): Promise<SourceModel | null>;
}
