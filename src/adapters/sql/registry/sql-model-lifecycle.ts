import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { missingObject } from "../../../core/request-gate.ts";
import type { ChangeBy, RegistryLifecycle, TagChange } from "../../../registry/registry-lifecycle.ts";
import type { Model } from "../../../registry/schemas.ts";
import { holdTeam } from "../access/hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { deleteRollouts, renameRollouts } from "../rollouts/sql-rollout-rows.ts";
import { holdModel, readModels, tellChanges, type ChangeMade, type RegistryQueries } from "./sql-registry-rows.ts";

/** Tables whose rows are of a model and name it, but for the models and their versions themselves. */
const namingTables = [
  "version_digests", "model_aliases", "policy_revisions", "model_tags", "version_tags", "version_evaluations", "registry_changes", "minute_statistics", "replica_minutes",
] as const;

/** Changes of models as wholes. Every one holds the model's row first, so that they come one after the other. */
export class SqlModelLifecycle implements Pick<RegistryLifecycle, "createModel" | "describeModel" | "renameModel" | "deleteModel" | "tagModel"> {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  createModel({ name, team, actor, now, description, tags }: Parameters<RegistryLifecycle["createModel"]>[0]): Promise<Model> {
    return this.#database.transaction(async (transaction) => {
      const added = await transaction
        .insertInto("models")
        .values({ name, created_at: now, description, latest_version: 0, team, owner: actor, updated_at: now })
        .onConflict((conflict) => conflict.column("name").doNothing())
        .returning("name")
        .executeTakeFirst();
      if (added === undefined) throw alreadyThere(name);
      await holdTeam(transaction, team);
      await clearHistory(transaction, name);
      const last = new Map(tags.map(({ key, value }) => [key, value]));
      const rows = [...last].map(([key, value]) => ({ model: name, key, value }));
      if (rows.length > 0) await transaction.insertInto("model_tags").values(rows).execute();
      const payload = { ...(description === "" ? {} : { description }), ...(rows.length === 0 ? {} : { tags: rows.map(({ key, value }) => ({ key, value })) }) };
      await tellChanges(transaction, this.#ids, [{ type: "model.created", model: name, payload }], { team, actor, now });
      return theModel(transaction, name);
    });
  }

  describeModel(model: string, description: string, by: ChangeBy): Promise<Model> {
    return this.#database.transaction(async (transaction) => {
      const { team, description: before } = await holdModel(transaction, model);
      await transaction.updateTable("models").set({ description, updated_at: by.now }).where("name", "=", model).execute();
      if (before !== description) {
        await tellChanges(transaction, this.#ids, [{ type: "model.described", model, before, after: description, payload: { before, after: description } }], { team, ...by });
      }
      return theModel(transaction, model);
    });
  }

  renameModel(model: string, name: string, by: ChangeBy): Promise<Model> {
    return this.#database.transaction(async (transaction) => {
      const { team } = await holdModel(transaction, model);
      const added = await transaction
        .insertInto("models")
        .columns(["name", "created_at", "description", "latest_version", "team", "owner", "updated_at"])
        .expression(({ selectFrom, val }) =>
          selectFrom("models").where("name", "=", model)
            .select([val(name).as("name"), "created_at", "description", "latest_version", "team", "owner", val(by.now as number).as("updated_at")]))
        .onConflict((conflict) => conflict.column("name").doNothing())
        .returning("name")
        .executeTakeFirst();
      if (added === undefined) throw alreadyThere(name);
      await clearHistory(transaction, name);
      const columns = [
        "version", "created_at", "contract_digest", "contract_json", "description", "stage", "status", "status_message", "owner", "source", "run_link", "run_id", "logged_model",
      ] as const;
      // Copied under the new name before the old rows go: other tables point at them all the time.
      await transaction
        .insertInto("model_versions")
        .columns(["model", "updated_at", ...columns])
        .expression(({ selectFrom, val }) =>
          selectFrom("model_versions").where("model", "=", model).select([val(name).as("model"), val(by.now as number).as("updated_at"), ...columns]))
        .execute();
      for (const table of namingTables) await transaction.updateTable(table).set({ model: name }).where("model", "=", model).execute();
      await transaction.deleteFrom("model_versions").where("model", "=", model).execute();
      await transaction.deleteFrom("models").where("name", "=", model).execute();
      // Followers of either name learn of it: those of the old one to let go of it.
      const payload = { before: model, after: name };
      await tellChanges(transaction, this.#ids, [{ type: "model.renamed", model: name, before: model, after: name, payload }], { team, ...by });
      await tellChanges(transaction, this.#ids, [{ type: "model.renamed", model, before: model, after: name, payload }], { team, ...by });
      await renameRollouts(transaction, this.#ids, model, name, { team, ...by });
      await clearHistory(transaction, model);
      return theModel(transaction, name);
    });
  }

  async deleteModel(model: string, by: ChangeBy): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const { team } = await holdModel(transaction, model);
      for (const table of namingTables) await transaction.deleteFrom(table).where("model", "=", model).execute();
      await transaction.deleteFrom("model_versions").where("model", "=", model).execute();
      await transaction.deleteFrom("models").where("name", "=", model).execute();
      await deleteRollouts(transaction, this.#ids, model, { team, ...by });
      await tellChanges(transaction, this.#ids, [{ type: "model.deleted", model, payload: {} }], { team, ...by });
      // The audit log and the events keep it; a later model of the name must not show the history of this one.
      await clearHistory(transaction, model);
    });
  }

  tagModel(model: string, change: TagChange, by: ChangeBy): Promise<Model> {
    return this.#database.transaction(async (transaction) => {
      const { team } = await holdModel(transaction, model);
      const { tags } = await theModel(transaction, model);
      const made: ChangeMade[] = [];
      for (const { key, value } of change.set ?? []) {
        const before = tags.find((tag) => tag.key === key)?.value ?? null;
        if (before === value) continue;
        await transaction
          .insertInto("model_tags").values({ model, key, value }).onConflict((conflict) => conflict.columns(["model", "key"]).doUpdateSet({ value })).execute();
        made.push({ type: "model.tag.set", model, before: tagText(key, before), after: tagText(key, value), payload: { key, value, before } });
      }
      for (const key of change.remove ?? []) {
        const removed = await transaction.deleteFrom("model_tags").where("model", "=", model).where("key", "=", key).returning("value").executeTakeFirst();
        if (removed !== undefined) made.push({ type: "model.tag.deleted", model, before: tagText(key, removed.value), payload: { key, before: removed.value } });
      }
      await tellChanges(transaction, this.#ids, made, { team, ...by });
      return theModel(transaction, model);
    });
  }
}

/** How a history shows a tag. */
export function tagText(key: string, value: string | null): string | null {
  return value === null ? null : `${key}=${value}`;
}

async function theModel(queries: RegistryQueries, name: string): Promise<Model> {
  const [model] = await readModels(queries, [name]);
  if (model === undefined) throw missingObject("model", name);
  return model;
}

async function clearHistory(transaction: RegistryQueries, model: string): Promise<void> {
  await transaction.deleteFrom("registry_changes").where("model", "=", model).execute();
}

function alreadyThere(name: string): AppError {
  return new AppError("MODEL_EXISTS", `There is a model named ${JSON.stringify(name.slice(0, 140))} already.`);
}
