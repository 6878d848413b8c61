import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { mayOn, mayOnServer, type Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { canonicalJson, jsonDigest } from "../core/canonical-json.ts";
import { AppError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import { assertSafeName, VersionNumber } from "../core/names.ts";
import { denial, missingObject, requireOn } from "../core/request-gate.ts";
import type { BlobOwners } from "./blob-owners.ts";
import { missingBlob, type BlobStore } from "./blob-store.ts";
import { matchReference } from "./match-reference.ts";
import type { ModelInspection, ModelInspector, ModelProbe } from "./model-inspector.ts";
import type { ReferenceProfiler } from "./reference-profiler.ts";
import type { RegistryStore } from "./registry-store.ts";
import {
  Policy, type Contract, type DeployRequest, type ExampleTensor, type Model, type ModelVersion, type PolicyRevision, type ReferenceProfile, type TensorSpec,
} from "./schemas.ts";
import { typicalNumber } from "./typical-number.ts";

export interface RegistryParts {
  store: RegistryStore;
  blobs: BlobStore;
  owners: BlobOwners;
  inspector: ModelInspector;
  profiler: ReferenceProfiler;
  events: EventBus;
}

/** Of models whose first version named none. */
const defaultTeam = "default";
/** Contradictions that an answer carries, and that its message names: a table of thousands of columns can have more. */
const maxProblems = 64;
const maxNamed = 20;

/** Models, versions, contracts, aliases and policies. A version is written once, whole, and never changed. */
export class RegistryService {
  readonly #parts: RegistryParts;
  /** Teams of models that were asked for: a model stays with its team. */
  readonly #teams = new Map<string, string>();

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  async listModels(): Promise<Model[]> {
    const models = await this.#parts.store.listModels();
    for (const { name, team } of models) this.#teams.set(name, team);
    return models;
  }

  /** Throws MODEL_NOT_FOUND. */
  async model(name: string): Promise<Model> {
    const model = await this.#parts.store.findModel(name);
    if (model === null) throw missingObject("model", name);
    this.#teams.set(name, model.team);
    return model;
  }

  /** Whose the model is; null when there is none. From memory for every model that was asked for before. */
  teamOf(model: string): string | null | Promise<string | null> {
    return this.#teams.get(model) ?? this.#readTeam(model);
  }

  /** Whether the caller may see the model, of those that this process has read: all that it serves or lists. */
  sees(caller: Caller, model: string): boolean {
    return mayOnServer(caller, "viewer") || mayOn(caller, "viewer", { kind: "model", name: model, team: this.#teams.get(model) ?? null });
  }

  async #readTeam(model: string): Promise<string | null> {
    const team = await this.#parts.store.teamOf(model);
    if (team !== null) this.#teams.set(model, team);
    return team;
  }

  /**
   * The team to which a new version of the model goes: the model's own, for a new one the wanted. Throws NAME_TAKEN for a
   * model of another team, whether the caller sees it or not, FORBIDDEN.
   */
  async teamForDeploy(model: string, wanted: string | undefined, caller: Caller): Promise<string> {
    const own = await this.teamOf(model);
    const team = own ?? wanted ?? defaultTeam;
    const taken = new AppError("NAME_TAKEN", `The name ${model} is taken.`);
    if (own !== null && wanted !== undefined && wanted !== own) throw taken;
    if (own !== null) requireOn(caller, "deployer", { kind: "model", name: model, team }, taken);
    else if (!mayOn(caller, "deployer", { kind: "model", name: model, team })) throw new AppError("FORBIDDEN", `This needs the role deployer in the team ${team}.`);
    return team;
  }

  /** Newest first. Throws MODEL_NOT_FOUND. */
  async versions(model: string): Promise<ModelVersion[]> {
    await this.model(model);
    return this.#parts.store.listVersions(model);
  }

  /** Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND. */
  async version(model: string, version: string): Promise<ModelVersion> {
    // Only the one spelling of a number is a version: "0x1" and "1.0" must not find the first under another name.
    const found = VersionNumber.safeParse(version).success ? await this.#parts.store.findVersion(model, version) : null;
    if (found !== null) return found;
    await this.model(model);
    throw new AppError("VERSION_NOT_FOUND", `${model} has no version ${version.slice(0, 140)}.`);
  }

  /** A file arrived whole: its uploader may deploy it. */
  async noteUpload(digest: string, caller: Caller, now: EpochMs): Promise<void> {
    await this.#parts.owners.noteUpload(digest, caller.actor, now);
  }

  /**
   * Reads, tries and profiles the files, then writes the version in one transaction. Everything that can be wrong is
   * found before anything is written, whose the model is first of all: a caller who may not deploy it learns nothing. The same content as the latest version answers with that version.
   */
  async register(model: string, request: DeployRequest, caller: Caller, now: EpochMs): Promise<{ version: ModelVersion; created: boolean }> {
    assertSafeName(model, "model name");
    const team = await this.teamForDeploy(model, request.team, caller);
    const { store, inspector } = this.#parts;
    const sourcePath = await this.#pathFor(caller, request.artifact);
    const inspection = await inspector.inspect(sourcePath);
    const { inputs, profile } = await this.#readReference(inspection.inputs, request, caller);
    const artifact = await this.#storeArtifact(request, inspection, sourcePath);
    const probe = await inspector.probe(artifact.path, inspection);
    const makeContract = contractMaker(model, request, { inputs, profile, inspection, probe, artifact });
    const latest = (await store.findModel(model))?.latestVersion ?? null;
    if (latest !== null) {
      const existing = await store.findVersion(model, latest);
      if (existing !== null && sameContent(existing.contract, makeContract(latest, existing.contract.lineage.parentVersion ?? null))) {
        return { version: existing, created: false };
      }
    }
    const version = await store.addVersion({
      model,
      team,
      actor: caller.actor,
      now,
      ...(request.description === undefined ? {} : { description: request.description }),
      makeContract: (number, parent) => {
        const contract = makeContract(number, parent);
        return { contract, digest: jsonDigest(contract) };
      },
    });
    // Before anybody is told of the model who may not know it otherwise.
    this.#teams.set(model, team);
    this.#parts.events.emit("version.registered", { model, version: version.version });
    return { version, created: true };
  }

  /** Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND. */
  async setAlias(model: string, alias: string, version: string, by: { actor: string; now: EpochMs }): Promise<Model> {
    assertSafeName(alias, "alias");
    await this.version(model, version);
    await this.#parts.store.setAlias({ model, alias, version, ...by });
    this.#parts.events.emit("alias.changed", { model, alias, version });
    return this.model(model);
  }

  /** The current policy; revision 0 is the defaults. Throws MODEL_NOT_FOUND. */
  async policy(model: string): Promise<PolicyRevision> {
    const found = await this.model(model);
    return (
      (await this.#parts.store.currentPolicy(model)) ?? {
        model, revision: 0, author: "slipway", changedAt: found.createdAt, reason: "Defaults.", policy: Policy.parse({}),
      }
    );
  }

  /** Throws MODEL_NOT_FOUND, POLICY_CONFLICT. */
  async changePolicy(revision: PolicyRevision): Promise<PolicyRevision> {
    await this.model(revision.model);
    await this.#parts.store.addPolicyRevision(revision);
    this.#parts.events.emit("policy.changed", { model: revision.model, revision: revision.revision });
    return revision;
  }

  async policyRevisions(model: string): Promise<PolicyRevision[]> {
    await this.model(model);
    return this.#parts.store.listPolicyRevisions(model);
  }

  /**
   * The path of a file that the caller uploaded, or that a version names which they may see: whoever knows no more than a
   * digest is told that there is no such file. Throws BLOB_NOT_FOUND, BLOB_CORRUPT.
   */
  async #pathFor(caller: Caller, digest: string): Promise<string> {
    const { blobs, owners } = this.#parts;
    if (!mayOnServer(caller, "deployer") && !(await owners.hasUploaded(digest, caller.actor))) {
      const models = await owners.modelsNaming(digest);
      if (!models.some(({ name, team }) => mayOn(caller, "viewer", { kind: "model", name, team }))) throw denial(missingBlob(digest));
    }
    return blobs.verifiedPath(digest);
  }

  async #readReference(given: TensorSpec[], request: DeployRequest, caller: Caller): Promise<{ inputs: TensorSpec[]; profile: ReferenceProfile | null }> {
    const withMissing = (inputs: readonly TensorSpec[], missing: ReadonlySet<string>): TensorSpec[] =>
      inputs.map((input) => ({ ...input, missingAllowed: isFloat(input) && (request.allowMissing || missing.has(input.name)) }));
    const { reference } = request;
    if (reference === undefined) return { inputs: withMissing(given, new Set()), profile: null };
    const path = await this.#pathFor(caller, reference.digest);
    const table = await this.#parts.profiler.describe(path, reference.format);
    const match = matchReference(given, table.columns, request);
    if (match.problems.length > 0) {
      const problems = match.problems.slice(0, maxProblems);
      const list = problems.slice(0, maxNamed).map((problem) => `${problem.path}: ${problem.message}`).join("; ");
      const rest = match.problems.length - maxNamed;
      throw new AppError("REFERENCE_CONTRADICTS_SIGNATURE", `The reference data does not fit the model: ${list}${rest > 0 ? `; and ${rest} more` : ""}.`, { problems });
    }
    const columns = await this.#parts.profiler.profile(path, reference.format, match.requests);
    const missing = new Set(columns.filter((column) => column.missing > 0).map((column) => column.input));
    return {
      inputs: withMissing(match.inputs, missing),
      profile: {
        digest: reference.digest, rows: table.rows, columns, ignoredColumns: match.ignoredColumns,
        ...(request.target === undefined ? {} : { target: request.target }),
      },
    };
  }

  async #storeArtifact(request: DeployRequest, inspection: ModelInspection, sourcePath: string): Promise<StoredArtifact> {
    const { blobs } = this.#parts;
    if (inspection.rewritten === undefined) {
      const { size } = await stat(sourcePath);
      return { digest: request.artifact, bytes: size, path: sourcePath };
    }
    const stored = await blobs.put(Readable.from([inspection.rewritten]));
    return { ...stored, path: await blobs.verifiedPath(stored.digest) };
  }
}

interface StoredArtifact {
  digest: string;
  bytes: number;
  path: string;
}

interface ContractFacts {
  inputs: TensorSpec[];
  profile: ReferenceProfile | null;
  inspection: ModelInspection;
  probe: ModelProbe;
  artifact: StoredArtifact;
}

function contractMaker(model: string, request: DeployRequest, facts: ContractFacts): (version: string, parent: string | null) => Contract {
  const { inspection, probe, profile, artifact, inputs } = facts;
  return (version, parent) => ({
    contractVersion: 1,
    model,
    version,
    signature: { inputs, outputs: probe.outputs, batchable: probe.batchable, ...(profile === null ? {} : exampleOf(inputs, profile)) },
    referenceProfile: profile,
    evaluation: request.evaluation,
    runtime: {
      kind: "onnx",
      artifacts: [{ path: "model.onnx", digest: artifact.digest, bytes: artifact.bytes }],
      sourceDigest: request.artifact,
      opsets: inspection.opsets,
      ...(inspection.producer === undefined ? {} : { producer: inspection.producer }),
      notes: [...inspection.notes, ...probe.notes],
    },
    lineage: {
      ...(request.codeRevision === undefined ? {} : { codeRevision: request.codeRevision }),
      datasets: profile === null ? [] : [{ name: "reference", digest: profile.digest }],
      ...(parent === null ? {} : { parentVersion: parent }),
    },
  });
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

function sameContent(left: Contract, right: Contract): boolean {
  return canonicalJson(left) === canonicalJson(right);
}
