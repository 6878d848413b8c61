import { stat } from "node:fs/promises";
import { mayOn, type Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { canonicalJson, jsonDigest } from "../core/canonical-json.ts";
import { AppError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import { assertSafeName, VersionNumber } from "../core/names.ts";
import { missingObject, requireOn } from "../core/request-gate.ts";
import { requireBlob } from "./blob-access.ts";
import type { BlobOwners } from "./blob-owners.ts";
import type { BlobStore } from "./blob-store.ts";
import { ContractBuilder, type MakeContract, type OnnxFacts } from "./contract-builder.ts";
import { ModelCatalog } from "./model-catalog.ts";
import type { LookupSource } from "./lookup-source.ts";
import type { ModelInspector } from "./model-inspector.ts";
import type { ModelSourceReader, RequireLocalSource } from "./model-source.ts";
import { ModelTeams } from "./model-teams.ts";
import type { ReferenceProfiler } from "./reference-profiler.ts";
import type { ChangeBy } from "./registry-lifecycle.ts";
import { assertSource } from "./model-rules.ts";
import type { RegistryStores, VersionFacts } from "./registry-store.ts";
import { championAlias } from "./runnable.ts";
import type { UpstreamRequest } from "./upstream-schemas.ts";
import type { UpstreamSource } from "./upstream-source.ts";
import { Policy, type PolicyRevision } from "./policy-schemas.ts";
import type { DeployRequest } from "./deploy-schemas.ts";
import type { Contract, Model, ModelVersion } from "./schemas.ts";

export interface RegistryParts {
  store: RegistryStores;
  blobs: BlobStore;
  owners: BlobOwners;
  inspector: ModelInspector;
  profiler: ReferenceProfiler;
  events: EventBus;
  /** Reads sources of versions that are registered over MLflow's wire; without it none can run. */
  sources?: ModelSourceReader;
  /** Without it no path of a disk is a source. */
  requireLocalSource?: RequireLocalSource | undefined;
  /** Without them neither servers nor tables can be deployed. */
  upstreams?: UpstreamSource;
  lookups?: LookupSource;
  /** Finds versions of datasets that the caller sees, the latest without a number. Throws DATASET_NOT_FOUND, DATASET_VERSION_NOT_FOUND. */
  heldData?(caller: Caller, dataset: string, version?: number): Promise<HeldData>;
}

export interface HeldData {
  dataset: string;
  version: number;
  digest: string;
  format: "parquet" | "csv";
  target: string | null;
}

/** Of models whose first version named none. */
const defaultTeam = "default";

/** Models, versions, contracts, aliases and policies. A version is written once, whole, and never changed. */
export class RegistryService {
  /** The same registry as people and MLflow's clients change it, with access judged for each caller. */
  readonly catalog: ModelCatalog;
  readonly #parts: RegistryParts;
  readonly #teams: ModelTeams;
  readonly #contracts: ContractBuilder;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#teams = new ModelTeams(parts.store);
    this.#contracts = new ContractBuilder(parts);
    const { store, events, sources, requireLocalSource } = parts;
    this.catalog = new ModelCatalog({
      store, events, teams: this.#teams, contracts: this.#contracts, ...(sources === undefined ? {} : { sources }), ...(requireLocalSource === undefined ? {} : { requireLocalSource }),
    });
  }

  listModels(): Promise<Model[]> {
    return this.#teams.keep(() => this.#parts.store.listModels(), (models) => models);
  }

  /** Throws MODEL_NOT_FOUND. */
  async model(name: string): Promise<Model> {
    const model = await this.#teams.keep(() => this.#parts.store.findModel(name), (found) => (found === null ? [] : [found]));
    if (model === null) throw missingObject("model", name);
    return model;
  }

  /** Whose the model is; null when there is none. From memory for every model that was asked for before. */
  teamOf(model: string): string | null | Promise<string | null> {
    return this.#teams.of(model);
  }

  /** Another server removed or renamed the model: its name may be another team's next. */
  forgetTeam(model: string): void {
    this.#teams.forget(model);
  }

  /** Events are followed from now on: what was read before may have been removed without a word. */
  forgetTeams(): void {
    this.#teams.forgetAll();
  }

  /** Whether the caller may see the model, of those that this process has read: all that it serves or lists. */
  sees(caller: Caller, model: string): boolean {
    return this.#teams.sees(caller, model);
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

  /** Of all models that have one; what another server removes meanwhile has none. */
  async champions(): Promise<ModelVersion[]> {
    const found: ModelVersion[] = [];
    for (const { name, aliases } of await this.listModels()) {
      const champion = aliases[championAlias];
      const version = champion === undefined ? null : await this.#parts.store.findVersion(name, champion);
      if (version !== null) found.push(version);
    }
    return found;
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
    const { store } = this.#parts;
    const { makeContract, facts } = await this.#makeContract(model, request, caller, now);
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
      ...(facts === undefined ? {} : { facts }),
      makeContract: (number, parent) => {
        const contract = makeContract(number, parent);
        return { contract, digest: jsonDigest(contract) };
      },
    });
    // Before anybody is told of the model who may not know it otherwise.
    this.#teams.remember(model, team);
    this.#parts.events.emit("version.registered", { model, version: version.version });
    return { version, created: true };
  }

  /** Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND. */
  async setAlias(model: string, alias: string, version: string, by: ChangeBy): Promise<Model> {
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

  /** The path of a file that the caller may use. Throws BLOB_NOT_FOUND, BLOB_CORRUPT. */
  async #pathFor(caller: Caller, digest: string): Promise<string> {
    const { blobs, owners } = this.#parts;
    await requireBlob(owners, caller, digest);
    return blobs.verifiedPath(digest);
  }

  async #makeContract(model: string, request: DeployRequest, caller: Caller, now: EpochMs): Promise<{ makeContract: MakeContract; facts?: VersionFacts }> {
    const said = await this.#said(request, caller);
    const { artifact, fileName, source: address, upstream, lookup } = request;
    const { sources, lookups } = this.#parts;
    if (upstream !== undefined) return this.#fromUpstream(model, upstream, said);
    if (artifact === undefined) return this.#fromSource(model, address!, said, caller, now);
    const facts = { artifact, path: await this.#pathFor(caller, artifact), ...said };
    if (lookup !== undefined) {
      if (lookups === undefined) throw new AppError("NOT_SUPPORTED", "This server looks nothing up in tables.");
      return { makeContract: await this.#contracts.file(model, await lookups.read(facts.path, formatOf(fileName), lookup), facts) };
    }
    if (!/\.onnx$/i.test(fileName) && sources?.readFile !== undefined) {
      const { size: bytes } = await stat(facts.path);
      const source = await sources.readFile({ digest: artifact, bytes, fileName, path: facts.path });
      if (source !== null) return { makeContract: await this.#contracts.file(model, source, facts) };
    }
    return { makeContract: await this.#contracts.onnx(model, facts) };
  }

  async #fromUpstream(model: string, request: UpstreamRequest, said: Said): Promise<{ makeContract: MakeContract; facts: VersionFacts }> {
    const { upstreams, store } = this.#parts;
    if (upstreams === undefined) throw new AppError("NOT_SUPPORTED", "This server asks no other server.");
    const latest = (await store.findModel(model))?.latestVersion ?? null;
    const former = latest === null ? undefined : (await store.findVersion(model, latest))?.contract.runtime;
    const document = former?.kind === "upstream" && former.artifacts[0] !== undefined ? await upstreams.document(former.artifacts[0].digest) : null;
    return { makeContract: await this.#contracts.deployed(model, await upstreams.read(model, request, document), said), facts: { source: request.url } };
  }

  async #fromSource(model: string, address: string, said: Said, caller: Caller, now: EpochMs): Promise<{ makeContract: MakeContract; facts: VersionFacts }> {
    assertSource(address);
    const source = await this.#parts.sources?.read({ uri: address }, { caller, now });
    if (source === null || source === undefined) throw new AppError("MODEL_SOURCE_INVALID", `Nothing that can be read as a model was found at ${address.slice(0, 300)}.`);
    const { run, loggedModel } = source.lineage;
    return {
      makeContract: await this.#contracts.deployed(model, source, said),
      facts: { source: source.source ?? address, ...(run === undefined ? {} : { runId: run.id }), ...(loggedModel === undefined ? {} : { loggedModel }) },
    };
  }

  /** What the deployer says beside the model. */
  async #said({ target, columns, allowMissing, evaluation, codeRevision, reference }: DeployRequest, caller: Caller): Promise<Said> {
    const data = reference === undefined ? undefined : await this.#referenceOf(reference, caller);
    const predicted = target ?? data?.target;
    return {
      allowMissing, evaluation,
      ...(data === undefined ? {} : { reference: data.reference }),
      ...(predicted === undefined ? {} : { target: predicted }), ...(columns === undefined ? {} : { columns }), ...(codeRevision === undefined ? {} : { codeRevision }),
    };
  }

  async #referenceOf(reference: NonNullable<DeployRequest["reference"]>, caller: Caller): Promise<{ reference: NonNullable<OnnxFacts["reference"]>; target?: string }> {
    if ("digest" in reference) return { reference: { ...reference, path: await this.#pathFor(caller, reference.digest) } };
    const { heldData } = this.#parts;
    if (heldData === undefined) throw new AppError("DATASET_NOT_FOUND", "This server keeps no datasets.");
    const { dataset, version, digest, format, target } = await heldData(caller, reference.dataset, reference.version);
    return { reference: { digest, format, path: await this.#pathFor(caller, digest), name: `${dataset}@${version}` }, ...(target === null ? {} : { target }) };
  }
}

type Said = Omit<OnnxFacts, "artifact" | "path">;

/** Of a table, by its name. */
function formatOf(fileName: string): "parquet" | "csv" {
  if (/\.(parquet|pq)$/i.test(fileName)) return "parquet";
  if (/\.csv$/i.test(fileName)) return "csv";
  throw new AppError("LOOKUP_TABLE_INVALID", `${JSON.stringify(fileName.slice(-100))} ends neither in .parquet nor in .csv.`);
}

/** A renamed model's contracts keep the name that they were written with: the same content is the same under either. */
function sameContent(left: Contract, right: Contract): boolean {
  return canonicalJson({ ...left, model: "" }) === canonicalJson({ ...right, model: "" });
}
