import { sql, type Expression, type ExpressionBuilder, type RawBuilder, type ReferenceExpression, type SqlBool } from "kysely";
import { AppError } from "../../../core/errors.ts";
import type { Page, SearchCondition, SearchOrder } from "../../../core/search-condition.ts";
import type { RegistrySearch, RegistrySearchRequest, VisibleModels } from "../../../registry/registry-search.ts";
import type { Model, ModelVersion, RegistryChange } from "../../../registry/schemas.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { readModels, versionsOf } from "./sql-registry-rows.ts";

const mostRows = 5000;
const always = sql<SqlBool>`1 = 1`;

type Builder = ExpressionBuilder<DatabaseSchema, "models" | "model_versions">;
type Columns = Readonly<Record<string, RawBuilder<unknown>>>;

const modelColumns: Columns = {
  name: sql.ref("models.name"), createdAt: sql.ref("models.created_at"), updatedAt: sql`coalesce(models.updated_at, models.created_at)`,
};
const versionColumns: Columns = {
  name: sql.ref("model_versions.model"), version: sql.ref("model_versions.version"), run: sql.ref("model_versions.run_id"), source: sql.ref("model_versions.source"),
  stage: sql.ref("model_versions.stage"), createdAt: sql.ref("model_versions.created_at"), updatedAt: sql`coalesce(model_versions.updated_at, model_versions.created_at)`,
};

/** Searches of models and versions: conditions and orders as SQL, pages by offset. */
export class SqlRegistrySearch implements RegistrySearch {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async searchModels(request: RegistrySearchRequest): Promise<Page<Model>> {
    const { limit, offset } = pageOf(request);
    let query = this.#database.queries.selectFrom("models").select("models.name").limit(limit + 1).offset(offset);
    if (request.visible !== "all") query = query.where((builder) => visibleTo(builder as unknown as Builder, request.visible));
    for (const condition of request.conditions) {
      query = query.where((builder) => matches(builder as unknown as Builder, condition, modelColumns, (tagKey, test) =>
        builder.exists(
          builder.selectFrom("model_tags").select("key").whereRef("model_tags.model", "=", "models.name").where("key", "=", tagKey)
            .where((inner) => test(inner as unknown as Builder, "model_tags.value" as never)),
        )));
    }
    for (const { expression, descending } of orderOf(request.order, modelColumns, [["name", false]])) query = query.orderBy(expression, descending ? "desc" : "asc");
    const names = (await query.execute()).map(({ name }) => name);
    const found = new Map((await readModels(this.#database.queries, names.slice(0, limit))).map((model) => [model.name, model]));
    const items = names.slice(0, limit).flatMap((name) => found.get(name) ?? []);
    return { items, next: names.length > limit ? String(offset + limit) : null };
  }

  async searchVersions(request: RegistrySearchRequest): Promise<Page<ModelVersion>> {
    const { limit, offset } = pageOf(request);
    let query = this.#database.queries
      .selectFrom("model_versions").innerJoin("models", "models.name", "model_versions.model").selectAll("model_versions").limit(limit + 1).offset(offset);
    if (request.visible !== "all") query = query.where((builder) => visibleTo(builder as unknown as Builder, request.visible));
    for (const condition of request.conditions) {
      query = query.where((builder) => matches(builder as unknown as Builder, condition, versionColumns, (tagKey, test) =>
        builder.exists(
          builder.selectFrom("version_tags").select("key")
            .whereRef("version_tags.model", "=", "model_versions.model").whereRef("version_tags.version", "=", "model_versions.version").where("key", "=", tagKey)
            .where((inner) => test(inner as unknown as Builder, "version_tags.value" as never)),
        )));
    }
    const order = request.order.length === 0 ? [{ kind: "attribute", key: "updatedAt", descending: true } as const] : request.order;
    for (const { expression, descending } of orderOf(order, versionColumns, [["name", false], ["version", true]])) query = query.orderBy(expression, descending ? "desc" : "asc");
    const rows = await query.execute();
    return { items: await versionsOf(this.#database.queries, rows.slice(0, limit)), next: rows.length > limit ? String(offset + limit) : null };
  }

  async latestVersions(models: readonly string[]): Promise<ModelVersion[]> {
    const found: ModelVersion[] = [];
    for (let start = 0; start < models.length; start += 500) {
      const part = models.slice(start, start + 500);
      const rows = await this.#database.queries
        .selectFrom("model_versions")
        .innerJoin(
          ({ selectFrom }) =>
            selectFrom("model_versions").select(["model", "stage"]).select(({ fn }) => fn.max("version").as("latest")).where("model", "in", part).groupBy(["model", "stage"]).as("newest"),
          (join) => join.onRef("newest.model", "=", "model_versions.model").onRef("newest.latest", "=", "model_versions.version"),
        )
        .selectAll("model_versions")
        .orderBy("model_versions.model").orderBy("model_versions.version")
        .execute();
      found.push(...(await versionsOf(this.#database.queries, rows)));
    }
    return found;
  }

  async listChanges(model: string, { limit, before }: { limit: number; before?: string }): Promise<RegistryChange[]> {
    let query = this.#database.queries.selectFrom("registry_changes").selectAll().where("model", "=", model).orderBy("id", "desc").limit(Math.min(limit, mostRows));
    if (before !== undefined) query = query.where("id", "<", before);
    return (await query.execute()).map((row) => ({ ...row, version: row.version === null ? null : String(row.version) }));
  }
}

function pageOf({ limit, after }: RegistrySearchRequest): { limit: number; offset: number } {
  if (after !== null && !/^\d{1,12}$/.test(after)) throw new AppError("INVALID_PARAMETER", "Invalid page token: it is not one of this search.");
  return { limit: Math.max(1, Math.min(limit, mostRows)), offset: Number(after ?? 0) };
}

function visibleTo(builder: Builder, visible: VisibleModels): Expression<SqlBool> {
  if (visible === "all") return always;
  return builder.or([
    // Never an empty list: not every database can read one.
    builder("models.team", "in", visible.teams.length === 0 ? [""] : [...visible.teams]),
    ...visible.models.map(({ team, name }) => builder.and([builder("models.name", "=", name), ...(team === "*" ? [] : [builder("models.team", "=", team)])])),
  ]);
}

type Test = (builder: Builder, column: ReferenceExpression<DatabaseSchema, "models" | "model_versions">) => Expression<SqlBool>;

function matches(builder: Builder, condition: SearchCondition, columns: Columns, tagged: (key: string, test: Test) => Expression<SqlBool>): Expression<SqlBool> {
  const { kind, key } = condition;
  if (kind === "attribute") {
    const column = columns[key];
    if (column === undefined) throw new AppError("INVALID_PARAMETER", `Invalid attribute name: ${key}`);
    // What is NULL is absent, and never matches.
    return compare(builder, column as never, condition);
  }
  if (kind !== "tag") throw new AppError("INVALID_PARAMETER", `Models and versions have no ${kind}s to search by.`);
  const matching = tagged(key, (inner, column) => compare(inner, column, condition));
  if (!("absentMatches" in condition) || condition.absentMatches !== true) return matching;
  return builder.or([matching, builder.not(tagged(key, () => always))]);
}

function compare(builder: Builder, column: ReferenceExpression<DatabaseSchema, "models" | "model_versions">, condition: SearchCondition): Expression<SqlBool> {
  switch (condition.operator) {
    case "LIKE":
    case "ILIKE":
      // The databases take a backslash for an escape; the condition has none.
      return builder(column, condition.operator === "LIKE" ? "like" : "ilike", condition.value.replaceAll("\\", "\\\\") as never);
    case "IN":
    case "NOT IN":
      return builder(column, condition.operator === "IN" ? "in" : "not in", [...condition.value] as never);
    case "IS NULL":
    case "IS NOT NULL":
      throw new AppError("INVALID_PARAMETER", `${condition.operator} is not for models and versions.`);
    default:
      return builder(column, condition.operator, condition.value as never);
  }
}

function orderOf(order: readonly SearchOrder[], columns: Columns, ties: readonly [string, boolean][]): { expression: RawBuilder<unknown>; descending: boolean }[] {
  const wanted = order.map(({ kind, key, descending }) => {
    const expression = kind === "attribute" ? columns[key] : undefined;
    if (expression === undefined) throw new AppError("INVALID_PARAMETER", `Invalid order by key '${key}' specified.`);
    return { key, expression, descending };
  });
  const rest = ties.filter(([key]) => !wanted.some((each) => each.key === key)).map(([key, descending]) => ({ key, expression: columns[key]!, descending }));
  return [...wanted, ...rest];
}
