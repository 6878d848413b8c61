import { isSafeName } from "../../../core/names.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { ChangeBy, RegistryLifecycle, TagChange } from "../../../registry/registry-lifecycle.ts";
import { championAlias, isRunnable } from "../../../registry/index.ts";
import type { ModelVersion, Stage } from "../../../registry/schemas.ts";
import { tagText } from "./sql-model-lifecycle.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { holdModel, readVersion, tellChanges, type ChangeMade, type RegistryQueries } from "./sql-registry-rows.ts";

/** Changes of versions and aliases. Every one holds the model's row first, so that they come one after the other. */
export class SqlVersionLifecycle implements Pick<RegistryLifecycle, "describeVersion" | "tagVersion" | "transition" | "deleteVersion" | "deleteAlias"> {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  describeVersion(model: string, version: string, description: string, by: ChangeBy): Promise<ModelVersion> {
    return this.#database.transaction(async (transaction) => {
      const { team } = await holdModel(transaction, model);
      const { description: before } = await readVersion(transaction, model, version);
      await transaction.updateTable("model_versions").set({ description, updated_at: by.now }).where("model", "=", model).where("version", "=", Number(version)).execute();
      if (before !== description) {
        const payload = { before, after: description };
        await tellChanges(transaction, this.#ids, [{ type: "model.version.described", model, version, before, after: description, payload }], { team, ...by });
      }
      return readVersion(transaction, model, version);
    });
  }

  tagVersion(model: string, version: string, change: TagChange, by: ChangeBy): Promise<ModelVersion> {
    return this.#database.transaction(async (transaction) => {
      const { team } = await holdModel(transaction, model);
      const { tags } = await readVersion(transaction, model, version);
      const number = Number(version);
      const made: ChangeMade[] = [];
      for (const { key, value } of change.set ?? []) {
        const before = tags.find((tag) => tag.key === key)?.value ?? null;
        if (before === value) continue;
        await transaction
          .insertInto("version_tags").values({ model, version: number, key, value })
          .onConflict((conflict) => conflict.columns(["model", "version", "key"]).doUpdateSet({ value })).execute();
        made.push({ type: "model.version.tag.set", model, version, before: tagText(key, before), after: tagText(key, value), payload: { key, value, before } });
      }
      for (const key of change.remove ?? []) {
        const removed = await transaction
          .deleteFrom("version_tags").where("model", "=", model).where("version", "=", number).where("key", "=", key).returning("value").executeTakeFirst();
        if (removed !== undefined) made.push({ type: "model.version.tag.deleted", model, version, before: tagText(key, removed.value), payload: { key, before: removed.value } });
      }
      await tellChanges(transaction, this.#ids, made, { team, ...by });
      return readVersion(transaction, model, version);
    });
  }

  transition(
    model: string, version: string, stage: Stage, { archiveExisting }: { archiveExisting: boolean }, by: ChangeBy,
  ): Promise<{ version: ModelVersion; champion: boolean }> {
    return this.#database.transaction(async (transaction) => {
      const { team } = await holdModel(transaction, model);
      const known = await readVersion(transaction, model, version);
      const champion = await championOf(transaction, model);
      const moves: [number, string, Stage][] = [];
      if (archiveExisting) {
        const others = await transaction
          .selectFrom("model_versions").select("version").where("model", "=", model).where("stage", "=", stage).where("version", "!=", Number(version)).orderBy("version").execute();
        for (const other of others) moves.push([other.version, stage, "Archived"]);
      }
      moves.push([Number(version), known.stage, stage]);
      const made: ChangeMade[] = [];
      for (const [number, before, after] of moves) {
        await transaction.updateTable("model_versions").set({ stage: after, updated_at: by.now }).where("model", "=", model).where("version", "=", number).execute();
        if (before !== after) made.push({ type: "model.version.transitioned", model, version: String(number), before, after, payload: { before, after } });
      }
      await transaction.updateTable("models").set({ updated_at: by.now }).where("name", "=", model).execute();
      // Somebody gave a newer version the traffic without a stage: they meant that one.
      const byHand = champion !== null && champion.version > Number(version) && (champion.stage === "None" || champion.stage === "Staging");
      const becomesChampion = stage === "Production" && isRunnable(known) && isSafeName(model) && !byHand && champion?.version !== Number(version);
      if (becomesChampion) made.push(await pointAlias(transaction, { model, alias: championAlias, version: Number(version), now: by.now }));
      await tellChanges(transaction, this.#ids, made, { team, ...by });
      return { version: await readVersion(transaction, model, version), champion: becomesChampion };
    });
  }

  async deleteVersion(model: string, version: string, by: ChangeBy): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const { team } = await holdModel(transaction, model);
      await readVersion(transaction, model, version);
      const number = Number(version);
      const aliases = await transaction.deleteFrom("model_aliases").where("model", "=", model).where("version", "=", number).returning("alias").execute();
      for (const table of ["version_digests", "version_tags", "version_evaluations", "model_versions"] as const) {
        await transaction.deleteFrom(table).where("model", "=", model).where("version", "=", number).execute();
      }
      await transaction.updateTable("models").set({ updated_at: by.now }).where("name", "=", model).execute();
      const made = aliases.map(({ alias }) => alias).sort().map((alias) => aliasDeleted(model, alias, version));
      await tellChanges(transaction, this.#ids, [...made, { type: "model.version.deleted", model, version, payload: {} }], { team, ...by });
    });
  }

  async deleteAlias(model: string, alias: string, by: ChangeBy): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const { team } = await holdModel(transaction, model);
      const removed = await transaction.deleteFrom("model_aliases").where("model", "=", model).where("alias", "=", alias).returning("version").executeTakeFirst();
      if (removed === undefined) return false;
      await tellChanges(transaction, this.#ids, [aliasDeleted(model, alias, String(removed.version))], { team, ...by });
      return true;
    });
  }
}

/** Points the alias and answers with what to tell of it. */
export async function pointAlias(
  transaction: RegistryQueries, { model, alias, version, now }: { model: string; alias: string; version: number; now: number },
): Promise<ChangeMade> {
  const former = await transaction.selectFrom("model_aliases").select("version").where("model", "=", model).where("alias", "=", alias).executeTakeFirst();
  await transaction
    .insertInto("model_aliases")
    .values({ model, alias, version, changed_at: now })
    .onConflict((conflict) => conflict.columns(["model", "alias"]).doUpdateSet({ version, changed_at: now }))
    .execute();
  const before = former === undefined ? null : String(former.version);
  return {
    type: "model.alias.changed", model, version: String(version), before: aliasText(alias, before), after: aliasText(alias, String(version)),
    payload: { alias, version: String(version), ...(before === null ? {} : { before }) },
  };
}

function aliasDeleted(model: string, alias: string, version: string): ChangeMade {
  return { type: "model.alias.deleted", model, version, before: aliasText(alias, version), payload: { alias, version } };
}

function aliasText(alias: string, version: string | null): string | null {
  return version === null ? null : `${alias}=${version}`;
}

async function championOf(queries: RegistryQueries, model: string): Promise<{ version: number; stage: string } | null> {
  const found = await queries
    .selectFrom("model_aliases")
    .innerJoin("model_versions", (join) => join.onRef("model_versions.model", "=", "model_aliases.model").onRef("model_versions.version", "=", "model_aliases.version"))
    .select(["model_versions.version", "model_versions.stage"])
    .where("model_aliases.model", "=", model).where("model_aliases.alias", "=", championAlias)
    .executeTakeFirst();
  return found ?? null;
}
