import { sql, type RawBuilder, type SelectQueryBuilder } from "kysely";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type { CostFilter, CostGroup, CostGrouping, CostQuery, EntryQuery, EntryWhole, LedgerEntry, LedgerStore, SpentSum } from "../../../ledger/index.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { chunksOf, hourMs, ledgerEntryOf, nameOrNull, unknownSaving } from "./sql-ledger-rows.ts";

const traceLimit = 1000;
const dayMs = 24 * hourMs;

/** `user-days` and `saved-days` are indexes of the entries by day and user: of all of them without what answers from the cache saved, and of what they saved alone. Both together are all sums. */
type SumSource = HourTable | "ledger_entries" | "user-days" | "saved-days";
type HourTable = "ledger_hours" | "ledger_trace_hours";
const sourceOf = { ledger_hours: "gateway", ledger_trace_hours: "trace" } as const;

/** Columns of groupings that sums by the hour know. */
const hourColumns = { team: "team", key: "actor", project: "project", route: "route", provider: "provider", model: "model", outcome: "outcome" } as const;
const entryColumns = { ...hourColumns, user: "caller_user", session: "session", agentRun: "agent_run", source: "source", trace: "trace" } as const;
const sumNames = ["calls", "lostAttempts", "failed", "cached", "unpriced", "inputTokens", "cacheReadTokens", "cacheWriteTokens", "outputTokens", "cost", "savedCost", "savedUnpriced", "savedUntold"] as const;

type Sums = Record<(typeof sumNames)[number], number>;
// The rows of either table, or of both as one; columns are named as texts here.
// oxlint-disable-next-line typescript/no-explicit-any
type Source = SelectQueryBuilder<any, any, any>;

/**
 * The ledger in SQL. Sums by the hour are written with the entries, so that sums over millions of calls read thousands of rows; where hours are too coarse (the edges of a time), or a user, a session,
 * an agent's run or a tag is asked for, the entries are read.
 */
export class SqlLedgerStore implements LedgerStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async add(entries: readonly string[]): Promise<void> {
    if (entries.length > 0) await this.#database.writePacked({ kind: "ledgerEntries", entries });
  }

  async complete(entries: readonly EntryWhole[]): Promise<void> {
    const { queries } = this.#database;
    const unlessTold = (column: "session" | "agent_run", value: string | null) => sql<string>`case when ${sql.ref(column)} = '' then ${value ?? ""} else ${sql.ref(column)} end`;
    // In one order, so that no two servers wait for each other.
    for (const part of chunksOf([...entries].sort((one, other) => (one.id < other.id ? -1 : 1)))) {
      const updates = part.map(({ id, session, agentRun }) => queries.updateTable("ledger_entries").set({ session: unlessTold("session", session), agent_run: unlessTold("agent_run", agentRun) }).where("id", "=", id).compile());
      await this.#database.writeBatch(updates, { idempotent: true });
    }
  }

  async known(ids: readonly string[]): Promise<Set<string>> {
    const known = new Set<string>();
    for (const part of chunksOf(ids)) for (const { id } of await this.#database.queries.selectFrom("ledger_entries").select("id").where("id", "in", part).execute()) known.add(id);
    return known;
  }

  async costs(query: CostQuery, limit: number): Promise<CostGroup[]> {
    const { by, filter, since, until } = query;
    const byHours = isOfHours(by, filter);
    // Whole hours from their sums, or whole days from the index by day and user; what is left at both ends from the entries.
    const byDays = !byHours && (query.teams === null || query.actor === null) && isOfUserIndex(by, filter);
    const width = byHours ? hourMs : dayMs;
    const from = byHours || byDays ? Math.min(Math.ceil(since / width) * width, until) : until;
    const to = byHours || byDays ? Math.max(Math.floor(until / width) * width, from) : until;
    const groups = new Map<string, CostGroup>();
    const read = async (source: SumSource, start: number, end: number): Promise<void> => {
      if (start < end) for (const row of await this.#sums(source, query, start, end)) merge(groups, by, row);
    };
    await read("ledger_entries", since, from);
    if (byDays) for (const index of ["user-days", "saved-days"] as const) await read(index, from, to);
    else for (const table of ["ledger_hours", "ledger_trace_hours"] as const) if (filter.source === undefined || filter.source === sourceOf[table]) await read(table, from, to);
    await read("ledger_entries", to, until);
    return [...groups.values()].sort((one, other) => other.cost - one.cost || other.calls - one.calls || (keyOf(one.group) < keyOf(other.group) ? -1 : 1)).slice(0, limit);
  }

  async entries({ teams, actor, filter, since, until, after, limit }: EntryQuery): Promise<LedgerEntry[]> {
    if (teams?.length === 0 && actor === null) return [];
    let query = restrict(this.#database.queries.selectFrom("ledger_entries").selectAll("ledger_entries"), filter, { teams, actor }).where("time", ">=", since).where("time", "<", until);
    if (after !== null) query = query.where(({ eb, and, or }) => or([eb("time", "<", after.time), and([eb("time", "=", after.time), eb("id", "<", after.id)])]));
    const rows = await query.orderBy("time", "desc").orderBy("id", "desc").limit(limit).execute();
    return this.#withTags(rows as LedgerRow[]);
  }

  async forTrace(traceId: string): Promise<LedgerEntry[]> {
    const rows = traceId === "" ? [] : await this.#database.queries.selectFrom("ledger_entries").selectAll().where("trace", "=", traceId).where("trace", "<>", "").orderBy("time").orderBy("id").limit(traceLimit).execute();
    return this.#withTags(rows);
  }

  async spentBetween(since: EpochMs, until: EpochMs): Promise<SpentSum[]> {
    const rows = await this.#database.queries
      .selectFrom("ledger_hours").select(["actor", "team", "project", "route"]).select(bigSum("cost").as("cost"))
      .where("hour", ">=", since).where("hour", "<", until).groupBy(["actor", "team", "project", "route"]).execute();
    return rows.map(({ actor, team, project, route, cost }) => ({ actor, team, project: nameOrNull(project), route: nameOrNull(route), cost: Number(cost) }));
  }

  async prune(before: EpochMs, limit: number): Promise<number> {
    const old = await this.#database.queries.selectFrom("ledger_entries").select("id").where("time", "<", before).orderBy("time").orderBy("id").limit(limit).execute();
    for (const part of chunksOf(old)) {
      const ids = part.map(({ id }) => id);
      const { queries } = this.#database;
      await this.#database.writeBatch([queries.deleteFrom("ledger_tags").where("entry", "in", ids).compile(), queries.deleteFrom("ledger_entries").where("id", "in", ids).compile()], { idempotent: true });
    }
    return old.length;
  }

  async #sums(from: SumSource, { by, filter, teams, actor }: CostQuery, start: number, end: number): Promise<Record<string, unknown>[]> {
    if (teams?.length === 0 && actor === null) return [];
    const isHours = from === "ledger_hours" || from === "ledger_trace_hours";
    const inDays = from === "user-days" || from === "saved-days";
    const time = isHours ? "hour" : "time";
    const { source, ...others } = filter;
    // As the index has it, and no team of an index that would have to look each entry up.
    const moment = inDays ? sql<number>`time / ${sql.lit(dayMs)}` : sql<number>`${sql.ref(time)}`;
    const [first, last] = inDays ? [start / dayMs, end / dayMs] : [start, end];
    let query = restrict(this.#database.queries.selectFrom(isHours ? from : "ledger_entries"), isHours ? others : { ...others, source }, { teams, actor }, inDays ? sql<string>`team || ''` : sql<string>`team`).where(moment, ">=", first).where(moment, "<", last);
    by.forEach((grouping, index) => {
      const name = `group_${index}`;
      query = query.select((isHours && grouping === "source" ? sql<string>`cast(${sql.lit(sourceOf[from as HourTable])} as text)` : groupExpression(grouping, time)).as(name)).groupBy(sql.ref(name));
    });
    const entriesOf = (...outcomes: readonly LedgerEntry["outcome"][]) => sql<number>`cast(sum(case when outcome in (${sql.join(outcomes.map((outcome) => sql.lit(outcome)))}) then ${isHours ? sql.ref("calls") : sql.lit(1)} else 0 end) as bigint)`;
    if (from === "saved-days") return query.where("saved_cost", "is not", sql.lit(null)).select([...savingsOfEntries, countOf(sql`outcome = 'cached'`, sql`-1`).as("savedUntold")]).execute() as Promise<Record<string, unknown>[]>;
    return query
      .select([
        entriesOf("ok", "failed", "cancelled", "cached", "interrupted").as("calls"), entriesOf("failed-over", "outrun").as("lostAttempts"), entriesOf("failed").as("failed"), entriesOf("cached").as("cached"),
        (isHours ? bigSum("unpriced") : sql<number>`cast(sum(case when cost is null then 1 else 0 end) as bigint)`).as("unpriced"),
        bigSum("input_tokens").as("inputTokens"), bigSum("cache_read_tokens").as("cacheReadTokens"),
        (isHours ? bigSum("cache_write_tokens") : sql<number>`cast(coalesce(sum(coalesce(cache_write_tokens, 0) + coalesce(cache_write_hour_tokens, 0)), 0) as bigint)`).as("cacheWriteTokens"),
        bigSum("output_tokens").as("outputTokens"), bigSum("cost").as("cost"),
        ...(isHours ? savingsOfHours : inDays ? [entriesOf("cached").as("savedUntold")] : [...savingsOfEntries, countOf(sql`outcome = 'cached' and saved_cost is null`).as("savedUntold")]),
      ])
      .execute() as Promise<Record<string, unknown>[]>;
  }

  async #withTags(rows: readonly LedgerRow[]): Promise<LedgerEntry[]> {
    const tags = new Map<string, Record<string, string>>();
    for (const part of chunksOf(rows)) {
      for (const { entry, name, value } of await this.#database.queries.selectFrom("ledger_tags").selectAll().where("entry", "in", part.map(({ id }) => id)).orderBy("name").execute()) {
        tags.set(entry, Object.assign(tags.get(entry) ?? {}, { [name]: value }));
      }
    }
    return rows.map((row) => ledgerEntryOf(row, tags.get(row.id) ?? {}));
  }
}

type LedgerRow = DatabaseSchema["ledger_entries"];

/** A sum of integers is an integer of 64 bits here in every database, and 0 over nothing. */
function bigSum(column: string) {
  return sql<number>`cast(coalesce(sum(${sql.ref(column)}), 0) as bigint)`;
}

function countOf(condition: RawBuilder<unknown>, each: RawBuilder<unknown> = sql`1`) {
  return sql<number>`cast(coalesce(sum(case when ${condition} then ${each} else 0 end), 0) as bigint)`;
}

const savingsOfEntries = [countOf(sql`saved_cost > 0`, sql`saved_cost`).as("savedCost"), countOf(sql`saved_cost = ${sql.lit(unknownSaving)}`).as("savedUnpriced")];
const savingsOfHours = [bigSum("saved_cost").as("savedCost"), bigSum("saved_unpriced").as("savedUnpriced"), countOf(sql`outcome = 'cached'`, sql`calls - saved_told`).as("savedUntold")];

function isOfHours(by: readonly CostGrouping[], { user, session, agentRun, tag, trace }: CostFilter): boolean {
  return by.every((grouping) => grouping === "hour" || grouping === "day" || grouping === "source" || grouping in hourColumns) && [user, session, agentRun, tag, trace].every((each) => each === undefined);
}

/** What the index `ledger_entries_user_days` has in it. */
const userIndexed: ReadonlySet<string> = new Set(["user", "team", "outcome"]);

function isOfUserIndex(by: readonly CostGrouping[], filter: CostFilter): boolean {
  return by.includes("user") && by.every((grouping) => userIndexed.has(grouping)) && Object.entries(filter).every(([name, value]) => value === undefined || userIndexed.has(name));
}

function groupExpression(grouping: CostGrouping, time: string): RawBuilder<unknown> {
  if (isTag(grouping)) return sql<string | null>`(select value from ledger_tags where entry = ledger_entries.id and name = ${grouping.slice("tag:".length)})`;
  if (grouping !== "hour" && grouping !== "day") return sql<string>`${sql.ref(entryColumns[grouping])}`;
  const width = sql.lit(grouping === "hour" ? hourMs : dayMs);
  return sql<number>`${sql.ref(time)} / ${width} * ${width}`;
}

function isTag(grouping: CostGrouping): grouping is `tag:${string}` {
  return grouping.startsWith("tag:");
}

/** `source` is of one of the two tables; filters that sums by the hour do not know come with entries alone. */
function restrict(source: unknown, filter: CostFilter, { teams, actor }: Pick<CostQuery, "teams" | "actor">, teamOf = sql<string>`team`): Source {
  let query = source as Source;
  if (teams !== null) {
    const ofTeams = teams.length === 0 ? [] : [sql`${teamOf} in (${sql.join(teams)})`];
    query = query.where(sql<boolean>`(${sql.join([...ofTeams, ...(actor === null ? [] : [sql`actor = ${actor}`])], sql` or `)})`);
  }
  const { tag, ...columns } = filter;
  for (const [name, value] of Object.entries(columns)) if (value !== undefined) query = query.where(entryColumns[name as keyof typeof entryColumns], "=", value);
  if (tag === undefined) return query;
  const equals = tag.indexOf("=");
  return query.where(({ exists, selectFrom }) =>
    exists(selectFrom("ledger_tags").select(sql.lit(1).as("one")).whereRef("ledger_tags.entry", "=", "ledger_entries.id").where("ledger_tags.name", "=", tag.slice(0, equals)).where("ledger_tags.value", "=", tag.slice(equals + 1))));
}

function merge(groups: Map<string, CostGroup>, by: readonly CostGrouping[], row: Record<string, unknown>): void {
  const group = Object.fromEntries(by.map((grouping, index) => [grouping, groupValue(grouping, row[`group_${index}`])]));
  const sums = Object.fromEntries(sumNames.map((name) => [name, Number(row[name] ?? 0)])) as Sums;
  // Without groups, a sum over nothing is a row too.
  if (sumNames.every((name) => sums[name] === 0)) return;
  const key = keyOf(group);
  const known = groups.get(key);
  if (known === undefined) groups.set(key, { group, ...sums });
  else for (const name of sumNames) known[name] += sums[name];
}

function keyOf(group: Record<string, string | null>): string {
  return JSON.stringify(Object.values(group));
}

function groupValue(grouping: CostGrouping, value: unknown): string | null {
  if (value === null || value === undefined || value === "") return null;
  if (grouping === "hour" || grouping === "day") return new Date(epochMs(Number(value))).toISOString().slice(0, grouping === "day" ? 10 : 16) + (grouping === "day" ? "" : "Z");
  return String(value as string);
}
