import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { AppError } from "../core/errors.ts";
import type { BlobStore } from "./blob-store.ts";
import { matchReference } from "./match-reference.ts";
import type { ModelInspector } from "./model-inspector.ts";
import type { SourceModel } from "./model-source.ts";
import type { ReferenceProfiler } from "./reference-profiler.ts";
import type { Contract, ExampleTensor, ReferenceProfile, TensorSpec } from "./schemas.ts";
import { typicalNumber } from "./typical-number.ts";

/** Builds the contract for the number that the version gets; pure. */
export type MakeContract = (version: string, parent: string | null) => Contract;

/** An ONNX file and what is known of it; paths are of verified files. */
export interface OnnxFacts {
  artifact: string;
  path: string;
  reference?: { digest: string; format: "parquet" | "csv"; path: string; /** Of a dataset that is held here, with its version. */ name?: string };
  target?: string;
  columns?: string[];
  allowMissing: boolean;
  evaluation: Record<string, number>;
  codeRevision?: string;
}

/** Contradictions that an answer carries, and that its message names: a table of thousands of columns can have more. */
const maxProblems = 64;
const maxNamed = 20;

/** Reads, tries and profiles files, and makes contracts of what it finds. */
export class ContractBuilder {
  readonly #parts: { blobs: BlobStore; inspector: ModelInspector; profiler: ReferenceProfiler };

  constructor(parts: { blobs: BlobStore; inspector: ModelInspector; profiler: ReferenceProfiler }) {
    this.#parts = parts;
  }

  /** Throws what the inspector and the profiler throw, REFERENCE_CONTRADICTS_SIGNATURE. */
  async onnx(model: string, facts: OnnxFacts): Promise<MakeContract> {
    const { inspector } = this.#parts;
    const inspection = await inspector.inspect(facts.path);
    const { inputs, profile } = await this.#readReference(inspection.inputs, facts);
    const artifact = await this.#storeArtifact(facts, inspection.rewritten);
    const probe = await inspector.probe(artifact.path, inspection);
    return (version, parent) => ({
      contractVersion: 1,
      model,
      version,
      signature: { inputs, outputs: probe.outputs, batchable: probe.batchable, ...(profile === null ? {} : exampleOf(inputs, profile)) },
      referenceProfile: profile,
      evaluation: facts.evaluation,
      runtime: {
        kind: "onnx",
        artifacts: [{ path: "model.onnx", digest: artifact.digest, bytes: artifact.bytes }],
        sourceDigest: facts.artifact,
        opsets: inspection.opsets,
        ...(inspection.producer === undefined ? {} : { producer: inspection.producer }),
        notes: [...inspection.notes, ...probe.notes],
      },
      lineage: {
        ...(facts.codeRevision === undefined ? {} : { codeRevision: facts.codeRevision }),
        datasets: profile === null ? [] : [{ name: facts.reference?.name ?? "reference", digest: profile.digest }],
        ...(parent === null ? {} : { parentVersion: parent }),
      },
    });
  }

  /** Of a model folder that was read. Reference data that does not fit becomes a note. Throws what the inspector throws. */
  async source(model: string, source: SourceModel): Promise<MakeContract> {
    const notes = [...source.notes];
    const { codeRevision } = source.lineage;
    const reference = await this.#sourceReference(source, notes);
    const common = { allowMissing: true, evaluation: { ...source.evaluation }, ...revisionOf(codeRevision) };
    const make = source.runtime.kind === "onnx"
      ? await this.#onnxSource(model, source.runtime.file.digest, common, reference, notes)
      : await this.#otherSource(model, source, common, reference, notes);
    return withSource(make, source, notes);
  }

  /** Of a model that somebody deploys from where it is: what they said counts. Throws what the inspector throws, REFERENCE_CONTRADICTS_SIGNATURE. */
  async deployed(model: string, source: SourceModel, said: Omit<OnnxFacts, "artifact" | "path">): Promise<MakeContract> {
    const { runtime } = source;
    const facts = { ...said, evaluation: { ...source.evaluation, ...said.evaluation }, ...revisionOf(said.codeRevision ?? source.lineage.codeRevision) };
    const notes = [...source.notes];
    const found = said.reference === undefined ? await this.#sourceReference(source, notes) : null;
    const reference = found === null ? null : { ...found, ...(said.target === undefined ? {} : { target: said.target }) };
    const make = runtime.kind === "onnx"
      ? await this.#onnxSource(model, runtime.file.digest, facts, reference, notes)
      : await this.#otherSource(model, source, facts, reference, notes);
    return withSource(make, source, notes);
  }

  /** Of an uploaded file that is no ONNX; what the deployer said counts. Throws REFERENCE_CONTRADICTS_SIGNATURE. */
  async file(model: string, source: SourceModel, facts: OnnxFacts): Promise<MakeContract> {
    const make = await this.#otherContract(model, source, { ...facts, evaluation: { ...source.evaluation, ...facts.evaluation } });
    return (version, parent) => {
      const contract = make(version, parent);
      const { example } = source;
      return {
        ...contract,
        signature: { ...contract.signature, ...(example === null ? {} : { inputExample: [...example] }) },
        runtime: { ...contract.runtime, sourceDigest: facts.artifact, notes: [...source.notes] },
      };
    };
  }

  async #onnxSource(model: string, digest: string, common: Omit<OnnxFacts, "artifact" | "path">, reference: OnnxReference | null, notes: string[]): Promise<MakeContract> {
    const facts: OnnxFacts = { artifact: digest, path: await this.#parts.blobs.verifiedPath(digest), ...common };
    if (reference === null) return this.onnx(model, facts);
    try {
      return await this.onnx(model, { ...facts, ...reference });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "REFERENCE_CONTRADICTS_SIGNATURE") throw error;
      notes.push(error.message);
      return this.onnx(model, facts);
    }
  }

  async #otherSource(model: string, source: SourceModel, common: Omit<OnnxFacts, "artifact" | "path">, reference: OnnxReference | null, notes: string[]): Promise<MakeContract> {
    if (reference === null) return this.#otherContract(model, source, common);
    try {
      return await this.#otherContract(model, source, { ...common, ...reference });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "REFERENCE_CONTRADICTS_SIGNATURE") throw error;
      notes.push(error.message);
      return this.#otherContract(model, source, common);
    }
  }

  /** Of what is no ONNX: its source says what it takes and answers. */
  async #otherContract(model: string, source: SourceModel, facts: OtherCommon & Pick<OnnxFacts, "reference" | "target" | "columns">): Promise<MakeContract> {
    const { runtime, signature } = source;
    if (runtime.kind === "onnx") throw new TypeError("ONNX files are inspected and tried");
    const { inputs, profile } = await this.#readReference([...(signature?.inputs ?? [])], facts);
    const outputs = [...(signature?.outputs ?? [])];
    // Rows that stand for themselves: where both sides say that their first dimension is open.
    const batchable = source.batchable ?? (inputs.length > 0 && [...inputs, ...outputs].every(({ shape }) => shape[0] === -1));
    return (version, parent) => ({
      contractVersion: 1,
      model,
      version,
      signature: { inputs, outputs, batchable, ...(profile === null ? {} : exampleOf(inputs, profile)) },
      referenceProfile: profile,
      evaluation: facts.evaluation,
      runtime: { ...runtime, artifacts: [...source.files], notes: [] },
      lineage: {
        ...(facts.codeRevision === undefined ? {} : { codeRevision: facts.codeRevision }),
        datasets: profile === null ? [] : [{ name: facts.reference?.name ?? "reference", digest: profile.digest }],
        ...(parent === null ? {} : { parentVersion: parent }),
      },
    });
  }

  /** Null, with a note, where the data cannot be read. */
  async #sourceReference({ reference }: SourceModel, notes: string[]): Promise<OnnxReference | null> {
    if (reference === undefined) return null;
    const { digest, format, target, name } = reference;
    try {
      const path = await this.#parts.blobs.verifiedPath(digest);
      await this.#parts.profiler.describe(path, format);
      return { reference: { digest, format, path, ...(name === undefined ? {} : { name }) }, ...(target === undefined ? {} : { target }) };
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      notes.push(`The training data was not profiled: ${error.message}`);
      return null;
    }
  }

  async #readReference(given: TensorSpec[], facts: Pick<OnnxFacts, "allowMissing" | "reference" | "target" | "columns">): Promise<{ inputs: TensorSpec[]; profile: ReferenceProfile | null }> {
    const withMissing = (inputs: readonly TensorSpec[], missing: ReadonlySet<string>): TensorSpec[] =>
      inputs.map((input) => ({ ...input, missingAllowed: isFloat(input) && (facts.allowMissing || missing.has(input.name)) }));
    const { reference } = facts;
    if (reference === undefined) return { inputs: withMissing(given, new Set()), profile: null };
    const { path, format } = reference;
    const table = await this.#parts.profiler.describe(path, format);
    const match = matchReference(given, table.columns, facts);
    if (match.problems.length > 0) {
      const problems = match.problems.slice(0, maxProblems);
      const list = problems.slice(0, maxNamed).map((problem) => `${problem.path}: ${problem.message}`).join("; ");
      const rest = match.problems.length - maxNamed;
      throw new AppError("REFERENCE_CONTRADICTS_SIGNATURE", `The reference data does not fit the model: ${list}${rest > 0 ? `; and ${rest} more` : ""}.`, { problems });
    }
    const columns = await this.#parts.profiler.profile(path, format, match.requests);
    const missing = new Set(columns.filter((column) => column.missing > 0).map((column) => column.input));
    return {
      inputs: withMissing(match.inputs, missing),
      profile: {
        digest: reference.digest, rows: table.rows, columns, ignoredColumns: match.ignoredColumns,
        ...(facts.target === undefined ? {} : { target: facts.target }),
      },
    };
  }

  async #storeArtifact({ artifact, path }: OnnxFacts, rewritten: Uint8Array | undefined): Promise<{ digest: string; bytes: number; path: string }> {
    const { blobs } = this.#parts;
    if (rewritten === undefined) {
      const { size } = await stat(path);
      return { digest: artifact, bytes: size, path };
    }
    const stored = await blobs.put(Readable.from([rewritten]));
    return { ...stored, path: await blobs.verifiedPath(stored.digest) };
  }
}

type OtherCommon = Pick<OnnxFacts, "allowMissing" | "evaluation" | "codeRevision">;
type OnnxReference = Pick<OnnxFacts, "reference" | "target">;

/** The contract of a version at whose source nothing was found that can run; `notes` say why. */
export function emptyContract(model: string, notes: readonly string[], lineage: SourceModel["lineage"] = {}): MakeContract {
  return (version, parent) => ({
    contractVersion: 1, model, version,
    signature: { inputs: [], outputs: [], batchable: false },
    referenceProfile: null,
    evaluation: {},
    runtime: { kind: "none", artifacts: [], notes: [...notes] },
    lineage: { ...lineage, datasets: [], ...(parent === null ? {} : { parentVersion: parent }) },
  });
}

/** With what the source says of itself and of where it is from. */
function withSource(make: MakeContract, { example, lineage: { run, loggedModel } }: SourceModel, notes: readonly string[]): MakeContract {
  return (version, parent) => {
    const contract = make(version, parent);
    const fitted = example === null ? null : fitExample(example, contract.signature.inputs);
    return {
      ...contract,
      signature: { ...contract.signature, ...(fitted === null ? {} : { inputExample: fitted }) },
      runtime: { ...contract.runtime, notes: [...contract.runtime.notes, ...notes, ...(example !== null && fitted === null ? ["The input example does not fit the model's inputs and was left out."] : [])] },
      lineage: { ...contract.lineage, ...(run === undefined ? {} : { run }), ...(loggedModel === undefined ? {} : { loggedModel }) },
    };
  };
}

/** Under the names and types of the model itself: a graph names an only input as it likes, and takes singles where its maker had doubles. Null where it does not fit. */
function fitExample(example: readonly ExampleTensor[], inputs: readonly TensorSpec[]): ExampleTensor[] | null {
  const fitted = inputs.flatMap((input) => {
    const tensor = example.find(({ name }) => name === input.name) ?? (inputs.length === 1 && example.length === 1 ? example[0] : undefined);
    if (tensor === undefined || tensor.shape.length !== input.shape.length || kindOf(tensor) !== kindOf(input)) return [];
    if (!input.shape.every((dimension, position) => dimension === -1 || dimension === tensor.shape[position])) return [];
    return [{ ...tensor, name: input.name, datatype: input.datatype }];
  });
  return fitted.length === inputs.length ? fitted : null;
}

function kindOf({ datatype }: Pick<TensorSpec, "datatype">): string {
  return datatype === "BYTES" || datatype === "BOOL" ? datatype : datatype.startsWith("FP") ? "real" : "whole";
}

function revisionOf(codeRevision: string | undefined): { codeRevision?: string } {
  return codeRevision === undefined ? {} : { codeRevision };
}

/** One row of typical values, for the console's form and for smoke tests. */
function exampleOf(inputs: readonly TensorSpec[], profile: ReferenceProfile): { inputExample?: ExampleTensor[] } {
  const example: ExampleTensor[] = [];
  for (const input of inputs) {
    const columns = profile.columns.filter((column) => column.input === input.name).sort((a, b) => a.index - b.index);
    if (columns.length === 0) return {};
    const data = columns.map((column): string | number => {
      if (column.kind === "categorical") return column.categories[0]?.value ?? "";
      const typical = typicalNumber(column);
      return isFloat(input) ? typical : Math.round(typical);
    });
    const shape = input.shape.map((dimension, position) => (dimension >= 0 ? dimension : position === 0 ? 1 : columns.length));
    example.push({ name: input.name, datatype: input.datatype, shape, data: input.datatype === "BOOL" ? data.map(Boolean) : data });
  }
  return { inputExample: example };
}

function isFloat(input: TensorSpec): boolean {
  return input.datatype.startsWith("FP");
}
