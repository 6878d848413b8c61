import { z } from "zod";
import { Datatype } from "../core/tensor.ts";
import { Digest, RegistryName, VersionNumber } from "../core/names.ts";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

export const TensorSpec = z
  .object({
    name: z.string().min(1),
    datatype: Datatype,
    shape: z.array(z.number().int().min(-1)).meta({ description: "-1 stands for a variable dimension; the first is the batch" }),
    /** Names of the columns of the last dimension, where the reference data gave them. */
    columns: z.array(z.string()).optional(),
    /** The only values that the input takes; absent = any. */
    allowedValues: z.array(z.union([z.string(), z.number(), z.boolean()])).optional(),
    /** Whether NaN is a valid value: true when the reference data had missing values, or the deployer said so. */
    missingAllowed: z.boolean().default(false),
  })
  .meta({ id: "TensorSpec" });
export type TensorSpec = z.infer<typeof TensorSpec>;

/** One tensor as JSON, with flat row-major data; int64 beyond 2^53 as text. */
export const ExampleTensor = z
  .object({ name: z.string(), datatype: Datatype, shape: z.array(z.number().int().nonnegative()), data: z.array(z.union([z.number(), z.string(), z.boolean()])) })
  .meta({ id: "ExampleTensor" });
export type ExampleTensor = z.infer<typeof ExampleTensor>;

export const Signature = z
  .object({
    inputs: z.array(TensorSpec),
    outputs: z.array(TensorSpec),
    /** Whether requests may be joined along the first dimension; proven by a probe at registration. */
    batchable: z.boolean(),
    inputExample: z.array(ExampleTensor).optional(),
  })
  .meta({ id: "Signature" });
export type Signature = z.infer<typeof Signature>;

const columnBasics = {
  /** Column name; unique in the profile. */
  name: z.string(),
  /** The input tensor that the column feeds, and its position in the tensor's last dimension. */
  input: z.string(),
  index: z.number().int().nonnegative(),
  count: z.number().int().nonnegative().meta({ description: "Rows profiled, missing ones included" }),
  missing: z.number().int().nonnegative(),
};

export const NumericColumnProfile = z
  .object({
    kind: z.literal("numeric"),
    ...columnBasics,
    min: z.number().nullable(),
    max: z.number().nullable(),
    mean: z.number().nullable(),
    standardDeviation: z.number().nullable().meta({ description: "Population standard deviation (ddof 0)" }),
    /** Inner edges of the buckets, ascending, without duplicates: k edges make k+1 buckets with open ends; a value equal to an edge is in the bucket above it. */
    edges: z.array(z.number()),
    /** Rows in each bucket; `edges.length + 1` numbers. */
    counts: z.array(z.number().int().nonnegative()),
  })
  .meta({ id: "NumericColumnProfile" });
export type NumericColumnProfile = z.infer<typeof NumericColumnProfile>;

export const CategoricalColumnProfile = z
  .object({
    kind: z.literal("categorical"),
    ...columnBasics,
    distinct: z.number().int().nonnegative(),
    /** The most frequent categories, at most 1,000, most frequent first. */
    categories: z.array(z.object({ value: z.string(), count: z.number().int().nonnegative() })),
    /** Rows in all the categories that are not listed. */
    otherCount: z.number().int().nonnegative(),
  })
  .meta({ id: "CategoricalColumnProfile" });
export type CategoricalColumnProfile = z.infer<typeof CategoricalColumnProfile>;

export const ColumnProfile = z.discriminatedUnion("kind", [NumericColumnProfile, CategoricalColumnProfile]);
export type ColumnProfile = z.infer<typeof ColumnProfile>;

export const ReferenceProfile = z
  .object({
    digest: Digest,
    rows: z.number().int().nonnegative(),
    columns: z.array(ColumnProfile),
    /** Columns of the file that no input takes. */
    ignoredColumns: z.array(z.string()),
    target: z.string().optional(),
  })
  .meta({ id: "ReferenceProfile" });
export type ReferenceProfile = z.infer<typeof ReferenceProfile>;

export const Artifact = z
  .object({ path: z.string(), digest: Digest, bytes: z.number().int().nonnegative() })
  .meta({ id: "Artifact" });
export type Artifact = z.infer<typeof Artifact>;

/** What the python runtime needs to load a model folder; its files are the artifacts of the runtime, with their paths in the folder. */
export const PythonFacts = z
  .object({
    /** The flavour that loads it, such as `sklearn` or `python_function`; `pickle` for a bare file. */
    flavor: z.string(),
    /** Of the Python that wrote it, such as `3.11.9`; null where the folder does not say. */
    pythonVersion: z.string().nullable(),
    /** The requirements file, one of the artifacts or a file made from what the folder says: environments are kept by it. Null where nothing is required. */
    requirements: Digest.nullable(),
    /** Path, among the artifacts, of what is loaded: the folder's MLmodel, or the bare file. */
    entry: z.string(),
  })
  .meta({ id: "PythonFacts" });
export type PythonFacts = z.infer<typeof PythonFacts>;

/** How a version is answered by a server elsewhere; the artifact has the rest. */
export const UpstreamFacts = z
  .object({
    protocol: z.string(),
    url: z.string(),
    requestsAtOnce: z.number().int().min(1),
    joinRequests: z.boolean(),
  })
  .meta({ id: "UpstreamFacts" });
export type UpstreamFacts = z.infer<typeof UpstreamFacts>;

/** A table in which answers are looked up; the artifact is its searchable form. */
export const LookupFacts = z
  .object({
    rows: z.number().int().nonnegative(),
    /** One row of every output, for keys that the table does not have; absent where they are an error. */
    default: z.array(ExampleTensor).optional(),
  })
  .meta({ id: "LookupFacts" });
export type LookupFacts = z.infer<typeof LookupFacts>;

export const RuntimeFacts = z
  .object({
    kind: z.enum(["onnx", "python", "upstream", "lookup", "none"]).meta({ description: "none: nothing that can run here was found at the version's source" }),
    artifacts: z.array(Artifact),
    /** The file as it was given, where the import changed it; absent for folders and for what has no file. */
    sourceDigest: Digest.optional(),
    /** Of the kind python. */
    python: PythonFacts.optional(),
    /** Of the kind upstream. */
    upstream: UpstreamFacts.optional(),
    /** Of the kind lookup. */
    lookup: LookupFacts.optional(),
    /** Operator sets by domain; the default domain is `ai.onnx`. */
    opsets: z.record(z.string(), z.number().int()).optional(),
    producer: z.string().optional(),
    /** What the import changed or noticed, in sentences for people. */
    notes: z.array(z.string()),
  })
  .meta({ id: "RuntimeFacts" });
export type RuntimeFacts = z.infer<typeof RuntimeFacts>;

/** The training run that made a version, as it was when the version was registered. */
export const RunLineage = z
  .object({
    id: z.string(),
    name: z.string(),
    experiment: z.string(),
    params: z.record(z.string(), z.string()),
    /** Digests as the client that logged them computed them. */
    datasets: z.array(z.object({ name: z.string(), digest: z.string(), context: z.string().optional() })),
    /** The run that it was nested in. */
    parent: z.string().optional(),
  })
  .meta({ id: "RunLineage" });
export type RunLineage = z.infer<typeof RunLineage>;

/** The immutable facts of one version; everything later is judged against it. */
export const Contract = z
  .object({
    contractVersion: z.literal(1),
    model: RegistryName,
    version: VersionNumber,
    signature: Signature,
    referenceProfile: ReferenceProfile.nullable(),
    /** Metrics on the evaluation set, such as `{"auc": 0.71, "baseline_auc": 0.5}`. */
    evaluation: z.record(z.string(), z.number()),
    runtime: RuntimeFacts,
    lineage: z.object({
      codeRevision: z.string().optional(),
      datasets: z.array(z.object({ name: z.string(), digest: Digest })),
      parentVersion: VersionNumber.optional(),
      run: RunLineage.optional(),
      loggedModel: z.string().optional(),
    }),
  })
  .meta({ id: "Contract" });
export type Contract = z.infer<typeof Contract>;

/** MLflow's stages: `None` is registered, `Production` what is meant to serve, `Archived` replaced. */
export const Stage = z.enum(["None", "Staging", "Production", "Archived"]).meta({ id: "Stage" });
export type Stage = z.infer<typeof Stage>;

export const VersionStatus = z.enum(["PENDING_REGISTRATION", "READY", "FAILED_REGISTRATION"]).meta({ id: "VersionStatus" });
export type VersionStatus = z.infer<typeof VersionStatus>;

export const RegistryTag = z.object({ key: z.string(), value: z.string() }).meta({ id: "RegistryTag" });
export type RegistryTag = z.infer<typeof RegistryTag>;

/** A version: its contract, which never changes, and what people write on it, which may. */
export const ModelVersion = z
  .object({
    model: RegistryName,
    version: VersionNumber,
    createdAt: Timestamp,
    updatedAt: Timestamp,
    /** Digest of the contract as canonical JSON. */
    contractDigest: Digest,
    /** Of a renamed model it keeps the name under which the version was registered. */
    contract: Contract,
    description: z.string(),
    /** By key. */
    tags: z.array(RegistryTag),
    stage: Stage,
    status: VersionStatus,
    statusMessage: z.string(),
    source: z.string().meta({ description: "As its registrar gave it, such as runs:/RUN/model; empty for an uploaded file" }),
    runId: z.string().nullable(),
    runLink: z.string(),
    loggedModel: z.string().nullable(),
    owner: z.string().meta({ description: "Actor that registered it; empty for versions of releases that did not note it" }),
  })
  .meta({ id: "ModelVersion" });
export type ModelVersion = z.infer<typeof ModelVersion>;

export const Model = z
  .object({
    name: RegistryName,
    createdAt: Timestamp,
    updatedAt: Timestamp,
    description: z.string(),
    /** By key. */
    tags: z.array(RegistryTag),
    /** `champion` is the version that callers get who name none. */
    aliases: z.record(z.string(), VersionNumber),
    /** The greatest number of those that are there; null for a model without versions. */
    latestVersion: VersionNumber.nullable(),
    team: z.string().meta({ description: "Whose it is; it stays" }),
    owner: z.string().meta({ description: "Actor that made it" }),
  })
  .meta({ id: "Model" });
export type Model = z.infer<typeof Model>;

/** Who changed what of a model or a version, and why. */
export const RegistryChange = z
  .object({
    id: z.string(),
    model: z.string(),
    /** Null where the change is of the model itself. */
    version: VersionNumber.nullable(),
    time: Timestamp,
    actor: z.string(),
    /** The type of the event that tells of it, such as `model.version.transitioned`. */
    change: z.string(),
    before: z.string().nullable(),
    after: z.string().nullable(),
    reason: z.string().meta({ description: "Empty where none was given" }),
  })
  .meta({ id: "RegistryChange" });
export type RegistryChange = z.infer<typeof RegistryChange>;
