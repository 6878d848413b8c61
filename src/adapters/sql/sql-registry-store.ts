import type { Kysely, Selectable, Transaction } from "kysely";
import { canonicalJson, digestOfText } from "../../core/canonical-json.ts";
import { epochMs, type EpochMs } from "../../core/clock.ts";
import type { DomainEvent } from "../../core/domain-event.ts";
import { AppError } from "../../core/errors.ts";
import type { IdGenerator } from "../../core/ids.ts";
import { missingObject } from "../../core/request-gate.ts";
import { Policy, type Contract, type Model, type ModelVersion, type PolicyRevision, type RegistryStore } from "../../registry/index.ts";
import type { DatabaseSchema, ModelVersionRow, PolicyRevisionRow } from "./database-schema.ts";
import { holdTeam } from "./hold-team.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { writeEvents } from "./write-events.ts";

const listedPolicyRevisions = 100;

/** The registry in SQL. A contract is stored as the canonical text that its digest was made of, and checked on every read. */
export class SqlRegistryStore implements RegistryStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  /** `ids` names the events that are written along. */
  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  listModels(): Promise<Model[]> {
    return this.#readModels();
  }

  async findModel(name: string): Promise<Model | null> {
    const [model] = await this.#readModels(name);
    return model ?? null;
  }

  async teamOf(model: string): Promise<string | null> {
    const row = await this.#database.queries.selectFrom("models").select("team").where("name", "=", model).executeTakeFirst();
    return row?.team ?? null;
  }

  async listVersions(model: string): Promise<ModelVersion[]> {
    const rows = await this.#database.queries.selectFrom("model_versions").selectAll().where("model", "=", model).orderBy("version", "desc").execute();
    return rows.map(modelVersionOf);
  }

  async findVersion(model: string, version: string): Promise<ModelVersion | null> {
    const row = await this.#database.queries
      .selectFrom("model_versions").selectAll().where("model", "=", model).where("version", "=", Number(version)).executeTakeFirst();
    return row === undefined ? null : modelVersionOf(row);
  }

  addVersion(request: Parameters<RegistryStore["addVersion"]>[0]): Promise<ModelVersion> {
    const { model, team, actor, now, alias } = request;
    return this.#database.transaction(async (transaction) => {
      const number = await takeNextNumber(transaction, request);
      const version = String(number);
      const { contract, digest } = request.makeContract(version, number === 1 ? null : String(number - 1));
      const row = { model, version: number, created_at: now, contract_digest: digest, contract_json: canonicalJson(contract) };
      // Reading it back proves here that every later read will accept it.
      const written = modelVersionOf(row);
      await transaction.insertInto("model_versions").values(row).execute();
      const digests = digestsOf(contract).map((each) => ({ model, version: number, digest: each }));
      if (digests.length > 0) await transaction.insertInto("version_digests").values(digests).execute();
      const events: DomainEvent[] = [eventOf("model.version.registered", { model, team, actor, time: now }, { version, contractDigest: digest })];
      if (alias !== undefined) {
        await pointAlias(transaction, { model, alias, version: number, now });
        events.push(eventOf("model.alias.changed", { model, team, actor, time: now }, { alias, version }));
      }
      await writeEvents(transaction, this.#ids, events);
      return written;
    });
  }

  async setAlias({ model, alias, version, actor, now }: Parameters<RegistryStore["setAlias"]>[0]): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const number = Number(version);
      const found = await transaction
        .selectFrom("model_versions")
        .innerJoin("models", "models.name", "model_versions.model")
        .select("models.team")
        .where("model_versions.model", "=", model)
        .where("model_versions.version", "=", number)
        .executeTakeFirst();
      if (found === undefined) throw new AppError("VERSION_NOT_FOUND", `${model} has no version ${version}.`);
      await pointAlias(transaction, { model, alias, version: number, now });
      await writeEvents(transaction, this.#ids, [eventOf("model.alias.changed", { model, team: found.team, actor, time: now }, { alias, version })]);
    });
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
      await writeEvents(transaction, this.#ids, [eventOf("model.policy.changed", { model, team: known.team, actor: author, time: epochMs(changedAt) }, { revision, reason })]);
    });
  }

  listPolicyRevisions(model: string): Promise<PolicyRevision[]> {
    return this.#readPolicies(model, listedPolicyRevisions);
  }

  async listArtifactDigests(): Promise<string[]> {
    const rows = await this.#database.queries.selectFrom("version_digests").select("digest").distinct().orderBy("digest").execute();
    return rows.map((row) => row.digest);
  }

  /** One statement, so that aliases and latest versions are of one moment. */
  async #readModels(name?: string): Promise<Model[]> {
    let query = this.#database.queries
      .selectFrom("models")
      .leftJoin("model_aliases", "model_aliases.model", "models.name")
      .select(["models.name", "models.created_at", "models.description", "models.latest_version", "models.team", "models.owner"])
      .select(["model_aliases.alias", "model_aliases.version"])
      .orderBy("models.name")
      .orderBy("model_aliases.alias");
    if (name !== undefined) query = query.where("models.name", "=", name);
    const models: Model[] = [];
    for (const row of await query.execute()) {
      let model = models.at(-1);
      if (model?.name !== row.name) {
        const latestVersion = String(row.latest_version);
        model = { name: row.name, createdAt: row.created_at, description: row.description, aliases: {}, latestVersion, team: row.team, owner: row.owner };
        models.push(model);
      }
      // Defined, not assigned: an alias may have any name, also one that objects know already.
      if (row.alias !== null) Object.defineProperty(model.aliases, row.alias, { value: String(row.version), enumerable: true, configurable: true, writable: true });
    }
    return models;
  }

  async #readPolicies(model: string, limit: number): Promise<PolicyRevision[]> {
    const rows = await this.#database.queries
      .selectFrom("policy_revisions").selectAll().where("model", "=", model).orderBy("revision", "desc").limit(limit).execute();
    return rows.map(policyRevisionOf);
  }
}

/** Counting in the model's own row makes parallel registrations of one model wait for each other, on every dialect. */
async function takeNextNumber(
  transaction: Transaction<DatabaseSchema>,
  { model, team, actor, now, description }: { model: string; team: string; actor: string; now: EpochMs; description?: string },
): Promise<number> {
  const { latest_version, team: ownTeam } = await transaction
    .insertInto("models")
    .values({ name: model, created_at: now, description: description ?? "", latest_version: 1, team, owner: actor })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet(({ eb, ref }) => ({
        latest_version: eb("models.latest_version", "+", 1),
        description: description === undefined ? ref("models.description") : description,
      })),
    )
    .returning(["latest_version", "team"])
    .executeTakeFirstOrThrow();
  if (ownTeam !== team) throw new AppError("NAME_TAKEN", `There is a model named ${model} already, and it is not one of the team ${team}.`);
  if (latest_version === 1) await holdTeam(transaction, team);
  return latest_version;
}

function eventOf(type: string, { model, ...by }: { model: string; team: string; actor: string; time: EpochMs }, payload: DomainEvent["payload"]): DomainEvent {
  return { type, object: `model:${model}`, ...by, payload: { model, ...payload } };
}

async function pointAlias(
  transaction: Kysely<DatabaseSchema>,
  { model, alias, version, now }: { model: string; alias: string; version: number; now: EpochMs },
): Promise<void> {
  await transaction
    .insertInto("model_aliases")
    .values({ model, alias, version, changed_at: now })
    .onConflict((conflict) => conflict.columns(["model", "alias"]).doUpdateSet({ version, changed_at: now }))
    .execute();
}

/** Every blob that the contract names: what is served, what was given, and the data that it was profiled on. */
function digestsOf({ runtime, referenceProfile, lineage }: Contract): string[] {
  const digests = [...runtime.artifacts.map((artifact) => artifact.digest), ...lineage.datasets.map((dataset) => dataset.digest)];
  for (const digest of [runtime.sourceDigest, runtime.python?.requirements, referenceProfile?.digest]) if (typeof digest === "string") digests.push(digest);
  return [...new Set(digests)];
}

function modelVersionOf(row: Pick<Selectable<ModelVersionRow>, "model" | "version" | "created_at" | "contract_digest" | "contract_json">): ModelVersion {
  const version = String(row.version);
  const digest = digestOfText(row.contract_json);
  if (digest !== row.contract_digest) {
    throw new AppError("INTERNAL", `The contract of version ${version} of ${row.model} does not match its digest.`, {
      cause: new Error(`The text hashes to ${digest}, the digest is ${row.contract_digest}.`),
    });
  }
  // What its digest proves unchanged was valid when it was written.
  const contract = JSON.parse(row.contract_json) as Contract;
  return { model: row.model, version, createdAt: row.created_at, contractDigest: digest, contract };
}

function policyRevisionOf(row: Selectable<PolicyRevisionRow>): PolicyRevision {
  const { model, revision, author, reason } = row;
  // Parsed, so that fields which a later release adds get their defaults.
  return { model, revision, author, reason, changedAt: epochMs(row.changed_at), policy: Policy.parse(JSON.parse(row.policy_json)) };
}
