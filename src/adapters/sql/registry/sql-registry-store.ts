import type { Selectable, Transaction } from "kysely";
import { canonicalJson } from "../../../core/canonical-json.ts";
import { epochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { missingObject } from "../../../core/request-gate.ts";
import type { Page } from "../../../core/search-condition.ts";
import type { ChangeBy, RegistryLifecycle, TagChange } from "../../../registry/registry-lifecycle.ts";
import type { RegistrySearchRequest } from "../../../registry/registry-search.ts";
import type { RegistryStore, RegistryStores } from "../../../registry/registry-store.ts";
import { Policy, type PolicyRevision } from "../../../registry/policy-schemas.ts";
import type { Contract, Model, ModelVersion, RegistryChange, Stage } from "../../../registry/schemas.ts";
import type { DatabaseSchema, PolicyRevisionRow } from "../database-schema.ts";
import { holdTeam } from "../access/hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlModelLifecycle } from "./sql-model-lifecycle.ts";
import { holdModel, missingVersion, modelVersionOf, readModels, readVersion, tellChanges, versionsOf, type ChangeMade } from "./sql-registry-rows.ts";
import { SqlRegistrySearch } from "./sql-registry-search.ts";
import { pointAlias, SqlVersionLifecycle } from "./sql-version-lifecycle.ts";

const listedPolicyRevisions = 100;

type AddVersion = Parameters<RegistryStore["addVersion"]>[0];

/** The registry in SQL. A contract is stored as the canonical text that its digest was made of, and checked on every read. */
export class SqlRegistryStore implements RegistryStores {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;
  readonly #models: SqlModelLifecycle;
  readonly #versions: SqlVersionLifecycle;
  readonly #search: SqlRegistrySearch;

  /** `ids` names the events and changes that are written along. */
  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
    this.#models = new SqlModelLifecycle(database, ids);
    this.#versions = new SqlVersionLifecycle(database, ids);
    this.#search = new SqlRegistrySearch(database);
  }

  listModels(): Promise<Model[]> {
    return readModels(this.#database.queries);
  }

  async findModel(name: string): Promise<Model | null> {
    const [model] = await readModels(this.#database.queries, [name]);
    return model ?? null;
  }

  findModels(names: readonly string[]): Promise<Model[]> {
    return readModels(this.#database.queries, names);
  }

  async teamOf(model: string): Promise<string | null> {
    const row = await this.#database.queries.selectFrom("models").select("team").where("name", "=", model).executeTakeFirst();
    return row?.team ?? null;
  }

  async listVersions(model: string): Promise<ModelVersion[]> {
    const { queries } = this.#database;
    return versionsOf(queries, await queries.selectFrom("model_versions").selectAll().where("model", "=", model).orderBy("version", "desc").execute());
  }

  async findVersion(model: string, version: string): Promise<ModelVersion | null> {
    const { queries } = this.#database;
    const rows = await queries.selectFrom("model_versions").selectAll().where("model", "=", model).where("version", "=", Number(version)).execute();
    return (await versionsOf(queries, rows))[0] ?? null;
  }

  addVersion(request: AddVersion): Promise<ModelVersion> {
    const { model, actor, now, alias, facts = {} } = request;
    return this.#database.transaction(async (transaction) => {
      const { number, team } = await takeNextNumber(transaction, request);
      const version = String(number);
      const { parent } = await transaction
        .selectFrom("model_versions").select(({ fn }) => fn.max("version").as("parent")).where("model", "=", model).executeTakeFirstOrThrow();
      const { contract, digest } = request.makeContract(version, parent === null ? null : String(parent));
      const tags = [...new Map((facts.tags ?? []).map(({ key, value }) => [key, value]))].map(([key, value]) => ({ key, value })).sort((left, right) => (left.key < right.key ? -1 : 1));
      const row = {
        model, version: number, created_at: now, updated_at: now, contract_digest: digest, contract_json: canonicalJson(contract),
        description: facts.description ?? "", stage: "None", status: "READY", status_message: "", owner: actor,
        source: facts.source ?? "", run_link: facts.runLink ?? "", run_id: facts.runId ?? null, logged_model: facts.loggedModel ?? null,
      };
      // Reading it back proves here that every later read will accept it.
      const written = modelVersionOf(row, tags);
      await transaction.insertInto("model_versions").values(row).execute();
      const digests = digestsOf(contract).map((each) => ({ model, version: number, digest: each }));
      if (digests.length > 0) await transaction.insertInto("version_digests").values(digests).execute();
      if (tags.length > 0) await transaction.insertInto("version_tags").values(tags.map((tag) => ({ model, version: number, ...tag }))).execute();
      const { source, runId, description } = facts;
      const payload = {
        contractDigest: digest, ...(source === undefined ? {} : { source }), ...(runId === undefined ? {} : { runId }),
        ...(description === undefined ? {} : { description }), ...(tags.length === 0 ? {} : { tags }),
      };
      const made: ChangeMade[] = [{ type: "model.version.registered", model, version, after: version, payload }];
      if (alias !== undefined) made.push(await pointAlias(transaction, { model, alias, version: number, now }));
      await tellChanges(transaction, this.#ids, made, { team, actor, now });
      return written;
    });
  }

  async setAlias({ model, alias, version, ...by }: Parameters<RegistryStore["setAlias"]>[0]): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const known = await transaction.selectFrom("models").select("team").where("name", "=", model).executeTakeFirst();
      if (known === undefined) throw missingVersion(model, version);
      const { team } = await holdModel(transaction, model);
      await readVersion(transaction, model, version);
      await tellChanges(transaction, this.#ids, [await pointAlias(transaction, { model, alias, version: Number(version), now: by.now })], { team, ...by });
    });
  }

  createModel(request: Parameters<RegistryLifecycle["createModel"]>[0]): Promise<Model> {
    return this.#models.createModel(request);
  }

  describeModel(model: string, description: string, by: ChangeBy): Promise<Model> {
    return this.#models.describeModel(model, description, by);
  }

  renameModel(model: string, name: string, by: ChangeBy): Promise<Model> {
    return this.#models.renameModel(model, name, by);
  }

  deleteModel(model: string, by: ChangeBy): Promise<void> {
    return this.#models.deleteModel(model, by);
  }

  tagModel(model: string, change: TagChange, by: ChangeBy): Promise<Model> {
    return this.#models.tagModel(model, change, by);
  }

  describeVersion(model: string, version: string, description: string, by: ChangeBy): Promise<ModelVersion> {
    return this.#versions.describeVersion(model, version, description, by);
  }

  tagVersion(model: string, version: string, change: TagChange, by: ChangeBy): Promise<ModelVersion> {
    return this.#versions.tagVersion(model, version, change, by);
  }

  transition(model: string, version: string, stage: Stage, options: { archiveExisting: boolean }, by: ChangeBy): Promise<{ version: ModelVersion; champion: boolean }> {
    return this.#versions.transition(model, version, stage, options, by);
  }

  deleteVersion(model: string, version: string, by: ChangeBy): Promise<void> {
    return this.#versions.deleteVersion(model, version, by);
  }

  deleteAlias(model: string, alias: string, by: ChangeBy): Promise<boolean> {
    return this.#versions.deleteAlias(model, alias, by);
  }

  searchModels(request: RegistrySearchRequest): Promise<Page<Model>> {
    return this.#search.searchModels(request);
  }

  searchVersions(request: RegistrySearchRequest): Promise<Page<ModelVersion>> {
    return this.#search.searchVersions(request);
  }

  latestVersions(models: readonly string[]): Promise<ModelVersion[]> {
    return this.#search.latestVersions(models);
  }

  listChanges(model: string, page: { limit: number; before?: string }): Promise<RegistryChange[]> {
    return this.#search.listChanges(model, page);
  }

  async currentPolicy(model: string): Promise<PolicyRevision | null> {
    const [latest] = await this.#readPolicies(model, 1);
    return latest ?? null;
  }

  async addPolicyRevision({ model, revision, author, changedAt, reason, policy }: PolicyRevision): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const known = await transaction.selectFrom("models").select("team").where("name", "=", model).executeTakeFirst();
      if (known === undefined) throw missingObject("model", model);
      const { current } = await transaction
        .selectFrom("policy_revisions").select(({ fn }) => fn.max("revision").as("current")).where("model", "=", model).executeTakeFirstOrThrow();
      const expected = Number(current ?? 0) + 1;
      const conflict = (): AppError => new AppError("POLICY_CONFLICT", `The next policy revision of ${model} is ${expected}, not ${revision}.`);
      if (revision !== expected) throw conflict();
      // Where transactions run side by side, the key decides between two that saw the same current revision.
      const added = await transaction
        .insertInto("policy_revisions")
        .values({ model, revision, author, changed_at: changedAt, reason, policy_json: canonicalJson(policy) })
        .onConflict((conflict) => conflict.columns(["model", "revision"]).doNothing())
        .returning("revision")
        .executeTakeFirst();
      if (added === undefined) throw conflict();
      const change = { type: "model.policy.changed", model, before: String(revision - 1), after: String(revision), payload: { revision, reason } };
      await tellChanges(transaction, this.#ids, [change], { team: known.team, actor: author, now: epochMs(changedAt), reason });
    });
  }

  listPolicyRevisions(model: string): Promise<PolicyRevision[]> {
    return this.#readPolicies(model, listedPolicyRevisions);
  }

  async listArtifactDigests(): Promise<string[]> {
    const rows = await this.#database.queries.selectFrom("version_digests").select("digest").distinct().orderBy("digest").execute();
    return rows.map((row) => row.digest);
  }

  async #readPolicies(model: string, limit: number): Promise<PolicyRevision[]> {
    const rows = await this.#database.queries
      .selectFrom("policy_revisions").selectAll().where("model", "=", model).orderBy("revision", "desc").limit(limit).execute();
    return rows.map(policyRevisionOf);
  }
}

/** Counting in the model's own row makes parallel registrations of one model wait for each other, on every dialect. */
async function takeNextNumber(
  transaction: Transaction<DatabaseSchema>, { model, team, actor, now, description, mayAddModel = true }: AddVersion,
): Promise<{ number: number; team: string }> {
  if (!mayAddModel) {
    const counted = await transaction
      .updateTable("models").set(({ eb }) => ({ latest_version: eb("latest_version", "+", 1), updated_at: now })).where("name", "=", model)
      .returning(["latest_version", "team"]).executeTakeFirst();
    if (counted === undefined) throw missingObject("model", model);
    return { number: counted.latest_version, team: counted.team };
  }
  const { latest_version: number, team: ownTeam } = await transaction
    .insertInto("models")
    .values({ name: model, created_at: now, description: description ?? "", latest_version: 1, team, owner: actor, updated_at: now })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet(({ eb, ref }) => ({
        latest_version: eb("models.latest_version", "+", 1),
        description: description === undefined ? ref("models.description") : description,
        updated_at: now,
      })),
    )
    .returning(["latest_version", "team"])
    .executeTakeFirstOrThrow();
  if (ownTeam !== team) throw new AppError("NAME_TAKEN", `There is a model named ${model} already, and it is not one of the team ${team}.`);
  if (number === 1) await holdTeam(transaction, team);
  return { number, team };
}

/** Every blob that the contract names: what is served, what was given, and the data that it was profiled on. */
function digestsOf({ runtime, referenceProfile, lineage }: Contract): string[] {
  const digests = [...runtime.artifacts.map((artifact) => artifact.digest), ...lineage.datasets.map((dataset) => dataset.digest)];
  for (const digest of [runtime.sourceDigest, runtime.python?.requirements, referenceProfile?.digest]) if (typeof digest === "string") digests.push(digest);
  return [...new Set(digests)];
}

function policyRevisionOf(row: Selectable<PolicyRevisionRow>): PolicyRevision {
  const { model, revision, author, reason } = row;
  // Parsed, so that fields which a later release adds get their defaults.
  return { model, revision, author, reason, changedAt: epochMs(row.changed_at), policy: Policy.parse(JSON.parse(row.policy_json)) };
}
