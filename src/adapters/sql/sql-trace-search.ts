import { expressionBuilder, sql, type Kysely, type RawBuilder, type SqlBool } from "kysely";
import { AppError } from "../../core/errors.ts";
import type { Page } from "../../core/search-condition.ts";
import type { TraceSession } from "../../tracing/schemas.ts";
import type { StoredTrace, TraceSearch, TraceStore, VisibleTraces } from "../../tracing/trace-store.ts";
import type { DatabaseSchema } from "./database-schema.ts";
import { traceCondition, traceDuration as duration } from "./sql-trace-conditions.ts";
import { millisecondsOf, summaryColumns, traceOf, type SummaryRow } from "./sql-trace-rows.ts";

type Condition = RawBuilder<unknown>;

const orders = { start: sql`o.start_ns`, duration: sql`coalesce(${duration}, -1)`, cost: sql`coalesce(o.cost, -1)` };

export async function searchTraces(queries: Kysely<DatabaseSchema>, search: TraceSearch): Promise<Page<StoredTrace>> {
  const { order, limit, after, ascending = false } = search;
  const conditions = conditionsOf(search);
  const place = sql`(${orders[order]}, o.trace_id, o.team)`;
  if (after !== undefined) {
    const [value, traceId, team] = placeOf(after);
    conditions.push(sql`${place} ${ascending ? sql`>` : sql`<`} (${value}, ${traceId}, ${team})`);
  }
  const direction = ascending ? sql`asc` : sql`desc`;
  const { rows } = await sql<SummaryRow & { place_value: number | bigint }>`
    select ${summaryColumns()}, ${orders[order]} as place_value from traces o where ${sql.join([sql`1 = 1`, ...conditions], sql` and `)}
    order by ${orders[order]} ${direction}, o.trace_id ${direction}, o.team ${direction} limit ${limit + 1}`.execute(queries);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { items: page.map(traceOf), next: rows.length > limit && last !== undefined ? nameOfPlace(last.place_value, last.trace_id, last.team) : null };
}

export async function listSessions(queries: Kysely<DatabaseSchema>, { visible, user, after, limit }: Parameters<TraceStore["sessions"]>[0]): Promise<Page<TraceSession>> {
  const conditions = [sql`o.session is not null`, ...visibleCondition(visible), ...(user === undefined ? [] : [sql`o.user_name = ${user}`])];
  let beyond = sql``;
  if (after !== null) {
    const [value, session, team] = placeOf(after);
    beyond = sql`having (max(o.start_ns), o.session, o.team) < (${value}, ${session}, ${team})`;
  }
  const { rows } = await sql<{ session: string; team: string; user_name: string | null; traces: number; errors: number; first_ns: bigint; last_ns: bigint; end_ns: bigint; input_tokens: number | null; output_tokens: number | null; cost: number | null }>`
    select o.session, o.team, max(o.user_name) as user_name, count(*) as traces, cast(sum(case when o.errors > 0 then 1 else 0 end) as bigint) as errors, min(o.start_ns) as first_ns, max(o.start_ns) as last_ns,
      max(coalesce(o.end_ns, o.start_ns)) as end_ns, cast(sum(o.input_tokens) as bigint) as input_tokens, cast(sum(o.output_tokens) as bigint) as output_tokens, cast(sum(o.cost) as bigint) as cost
    from traces o where ${sql.join(conditions, sql` and `)} group by o.session, o.team ${beyond} order by max(o.start_ns) desc, o.session desc, o.team desc limit ${limit + 1}`.execute(queries);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map((row) => ({
      session: row.session, team: row.team, user: row.user_name, traces: row.traces, errors: row.errors, start: millisecondsOf(row.first_ns), end: millisecondsOf(row.end_ns), inputTokens: row.input_tokens, outputTokens: row.output_tokens, cost: row.cost,
    })),
    next: rows.length > limit && last !== undefined ? nameOfPlace(last.last_ns, last.session, last.team) : null,
  };
}

export function visibleCondition(visible: VisibleTraces): Condition[] {
  if (visible === "all") return [];
  const { teams, experiments } = visible;
  const either = [...(teams.length === 0 ? [] : [sql`o.team in (${sql.join(teams)})`]), ...(experiments.length === 0 ? [] : [sql`o.experiment in (${sql.join(experiments)})`])];
  return [either.length === 0 ? sql`1 = 0` : sql`(${sql.join(either, sql` or `)})`];
}

function conditionsOf(search: TraceSearch): Condition[] {
  const { text, name, errors, slowerThanMs, minCost, minTokens, session, user, service, model, team, experiment, experiments, feedback, from, to } = search;
  const conditions = visibleCondition(search.visible);
  const add = (isAsked: boolean, condition: () => Condition): void => void (isAsked && conditions.push(condition()));
  add(name !== undefined, () => sql`o.name = ${name}`);
  add(session !== undefined, () => sql`o.session = ${session}`);
  add(user !== undefined, () => sql`o.user_name = ${user}`);
  add(team !== undefined, () => sql`o.team = ${team}`);
  add(experiment !== undefined, () => sql`o.experiment = ${experiment}`);
  add(experiments !== undefined, () => (experiments!.length === 0 ? sql`1 = 0` : sql`o.experiment in (${sql.join(experiments!)})`));
  add(errors !== undefined, () => (errors! ? sql`(o.errors > 0 or o.told_status = 'error')` : sql`(o.errors = 0 and coalesce(o.told_status, 'ok') <> 'error')`));
  add(slowerThanMs !== undefined, () => sql`${duration} > ${nanoseconds(slowerThanMs!)}`);
  add(minCost !== undefined, () => sql`o.cost >= ${Math.ceil(minCost!)}`);
  add(minTokens !== undefined, () => sql`coalesce(o.input_tokens, 0) + coalesce(o.output_tokens, 0) >= ${Math.ceil(minTokens!)}`);
  add(from !== undefined, () => sql`o.start_ns >= ${nanoseconds(from!)}`);
  add(to !== undefined, () => sql`o.start_ns < ${nanoseconds(to!)}`);
  add(service !== undefined, () => hasValue("service.name", service!));
  add(model !== undefined, () => hasValue("model", model!));
  add(feedback !== undefined, () => sql`exists (select 1 from trace_feedback f where f.trace_id = o.trace_id and f.team = o.team and f.name = ${feedback})`);
  conditions.push(...(search.conditions ?? []).map(traceCondition));
  for (const [key, value] of Object.entries(search.attributes)) conditions.push(sql`(${hasValue(key, value)} or ${hasAttribute(key, value)})`);
  add(text !== undefined, () => containsText(text!));
  return conditions;
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(Math.round(Math.min(milliseconds, 9e12) * 1000)) * 1000n;
}

function hasValue(key: string, value: string): Condition {
  return sql`exists (select 1 from trace_values v where v.trace_id = o.trace_id and v.team = o.team and v.key = ${key} and v.value = ${value})`;
}

/** On a span, as a tag, or in what a program keeps with the trace. JSON has a text in quotes and everything else as it is. */
function hasAttribute(key: string, value: string): Condition {
  const asText = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  const plain = /^(?:true|false|-?\d+(?:\.\d+)?)$/.test(value) ? `${JSON.stringify(key)}:${value}` : null;
  const texts = plain === null ? [asText] : [asText, `${plain},`, `${plain}}`];
  const inSpan = sql.join(texts.map((text) => like(sql`s.content_json`, text, "like")), sql` or `);
  return sql`(${like(sql`o.tags_json`, asText, "like")} or ${like(sql`o.metadata_json`, asText, "like")} or exists (select 1 from trace_spans s where s.trace_id = o.trace_id and s.team = o.team and (${inSpan})))`;
}

/** Messages are JSON within JSON: a text with quotes or line ends has several spellings. */
function containsText(text: string): Condition {
  const once = JSON.stringify(text).slice(1, -1);
  const spellings = [...new Set([once, JSON.stringify(once).slice(1, -1)])];
  const inSpan = sql.join(spellings.map((spelling) => like(sql`s.content_json`, spelling, "ilike")), sql` or `);
  const inTrace = sql.join([sql`o.name`, sql`o.input_preview`, sql`o.output_preview`].map((column) => like(column, text, "ilike")), sql` or `);
  return sql`(${inTrace} or exists (select 1 from trace_spans s where s.trace_id = o.trace_id and s.team = o.team and (${inSpan})))`;
}

function like(column: RawBuilder<unknown>, text: string, operator: "like" | "ilike"): RawBuilder<SqlBool> {
  const pattern = `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`;
  return sql`${expressionBuilder()(column as RawBuilder<string>, operator, pattern)}`;
}

function nameOfPlace(value: number | bigint, ...names: readonly string[]): string {
  return Buffer.from(JSON.stringify([String(value), ...names])).toString("base64url");
}

function placeOf(after: string): [bigint, string, string] {
  try {
    const [value, first, second] = JSON.parse(Buffer.from(after, "base64url").toString("utf8")) as [string, string, string];
    if (typeof first === "string" && typeof second === "string") return [BigInt(value), first, second];
  } catch {
    // Answered below.
  }
  throw new AppError("INVALID_REQUEST", "`after` is the `next` of no page.");
}
