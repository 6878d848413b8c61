import { expressionBuilder, sql, type Kysely, type RawBuilder, type SqlBool } from "kysely";
import { AppError } from "../../../core/errors.ts";
import { mostSearchedSpans } from "../../../tracing/schemas.ts";
import { indexedProviders } from "../../../tracing/span-facts.ts";
import type { TracePage, TraceSearch, VisibleTraces } from "../../../tracing/trace-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { attributeMeets, someSpan, traceCondition, traceDuration as duration } from "./sql-trace-conditions.ts";
import { millisecondsOf, summaryColumns, traceOf, type SummaryRow } from "./sql-trace-rows.ts";

type Condition = RawBuilder<unknown>;

const orders = { start: sql`o.start_ns`, duration: sql`coalesce(${duration}, -1)`, cost: sql`coalesce(o.cost, -1)` };

/** Traces that one statement of a search looks through at most, and spans: few at first, for most searches find soon. Between two statements others have their turn, and the search may end. */
const stepTraces = 500;
const stepSpans = { first: 1000, most: 8000 };
/** After so much time a page goes no further, however few spans it has looked through: they can be large. */
const longestSearchMs = 1000;

/** By what a list of traces is ordered, then id and team. */
type Place = readonly [value: bigint, traceId: string, team: string];

type FoundRow = SummaryRow & { place_value: number | bigint };

/** `monotonic`: milliseconds. */
export async function searchTraces(queries: Kysely<DatabaseSchema>, search: TraceSearch, monotonic: () => number): Promise<TracePage> {
  const { ofTraces, ofSpans } = conditionsOf(search);
  const { order, limit, mostSpans = mostSearchedSpans } = search;
  const direction = search.ascending === true ? sql`asc` : sql`desc`;
  const ordered = sql`order by ${orders[order]} ${direction}, o.trace_id ${direction}, o.team ${direction}`;
  let beyond = search.after === undefined ? null : placeOf(search.after);
  const behind = (): Condition[] => (beyond === null ? [] : [sql`(${orders[order]}, o.trace_id, o.team) ${search.ascending === true ? sql`>` : sql`<`} (${beyond[0]}, ${beyond[1]}, ${beyond[2]})`]);
  const find = async (conditions: readonly Condition[], most: number): Promise<FoundRow[]> =>
    // What is not of the row itself is read for those that are found.
    (await sql<FoundRow>`select ${summaryColumns()}, ${orders[order]} as place_value from (select * from traces o where ${sql.join([sql`1 = 1`, ...conditions], sql` and `)} ${ordered} limit ${most}) o ${ordered}`.execute(queries)).rows;
  if (ofSpans.length === 0) return pageOf(await find([...ofTraces, ...behind()], limit + 1), limit);

  const began = monotonic();
  const found: FoundRow[] = [];
  let left = mostSpans;
  for (let most = stepSpans.first; ; most = Math.min(most * 2, stepSpans.most)) {
    const { rows } = await sql<ListedRow>`
      select o.trace_id, o.team, o.spans, ${orders[order]} as place_value from traces o where ${sql.join([sql`1 = 1`, ...ofTraces, ...behind()], sql` and `)} ${ordered} limit ${stepTraces + 1}`.execute(queries);
    const { taken, cost } = stepOf(rows, Math.min(left, most));
    const last = taken.at(-1);
    if (last !== undefined) found.push(...(await find([sql`(o.trace_id, o.team) in (values ${sql.join(taken.map((row) => sql`(${row.trace_id}, ${row.team})`))})`, ...ofSpans], limit + 1 - found.length)));
    if (last === undefined || found.length > limit || taken.length === rows.length) return pageOf(found, limit);
    beyond = [BigInt(last.place_value), last.trace_id, last.team];
    left -= cost;
    if (left <= 0 || monotonic() - began >= longestSearchMs) return { items: found.map(traceOf), next: nameOfPlace(...beyond), searchedUntil: inUnitOf(order, beyond[0]) };
  }
}

interface ListedRow {
  trace_id: string;
  team: string;
  spans: number;
  place_value: number | bigint;
}

/** The first rows that have so many spans together, one at least. Each costs as if it had one span more. */
function stepOf(rows: readonly ListedRow[], mostSpans: number): { taken: readonly ListedRow[]; cost: number } {
  let cost = 0;
  let count = 0;
  while (count < Math.min(rows.length, stepTraces) && (count === 0 || cost + rows[count]!.spans < mostSpans)) cost += rows[count++]!.spans + 1;
  return { taken: rows.slice(0, count), cost };
}

/** One more row than the page has says that it is not the last. */
function pageOf(rows: readonly FoundRow[], limit: number): TracePage {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { items: page.map(traceOf), next: rows.length > limit && last !== undefined ? nameOfPlace(last.place_value, last.trace_id, last.team) : null, searchedUntil: null };
}

function inUnitOf(order: TraceSearch["order"], value: bigint): number {
  return order === "cost" || value < 0n ? Number(value) : millisecondsOf(value);
}

/** Of traces `o`: those that are seen, and are not being removed. */
export function visibleCondition(visible: VisibleTraces): Condition[] {
  const isThere = sql`o.removed_at is null`;
  if (visible === "all") return [isThere];
  const { teams, experiments, caller } = visible;
  const either = [...(teams.length === 0 ? [] : [sql`o.team in (${sql.join(teams)})`]), ...(experiments.length === 0 ? [] : [sql`o.experiment in (${sql.join(experiments)})`]), ...(caller === undefined ? [] : [sql`o.caller = ${caller}`])];
  return [isThere, either.length === 0 ? sql`1 = 0` : sql`(${sql.join(either, sql` or `)})`];
}

interface SearchConditions {
  /** What the trace itself or an index answers. */
  ofTraces: Condition[];
  /** What the spans of the trace are read for. */
  ofSpans: Condition[];
}

function conditionsOf(search: TraceSearch): SearchConditions {
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
  const ofSpans: Condition[] = [];
  for (const condition of search.conditions ?? []) (condition.kind === "span" ? ofSpans : conditions).push(traceCondition(condition));
  for (const [key, value] of Object.entries(search.attributes)) {
    if (isInIndex(key, value)) conditions.push(sql`(${hasValue(key, value)} or ${hasFact(key, value)})`);
    else ofSpans.push(sql`(${hasValue(key, value)} or ${hasFact(key, value)} or ${someSpan(attributeMeets(key, value))})`);
  }
  if (text !== undefined) ofSpans.push(containsText(text));
  return { ofTraces: conditions, ofSpans };
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(Math.round(Math.max(-9e12, Math.min(milliseconds, 9e12)) * 1000)) * 1000n;
}

function hasValue(key: string, value: string): Condition {
  return sql`exists (select 1 from trace_values v where v.trace_id = o.trace_id and v.team = o.team and v.key = ${key} and v.value = ${value})`;
}

/** As a tag, or in what a program keeps with the trace. */
function hasFact(key: string, value: string): Condition {
  const asText = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  return sql`(${like(sql`o.tags_json`, asText, "like")} or ${like(sql`o.metadata_json`, asText, "like")})`;
}

/** Whether every span of the attribute is in the index with it. */
function isInIndex(key: string, value: string): boolean {
  return value.length <= indexedProviders.mostCharacters && indexedProviders.attributes.some((name) => name === key);
}

/** Messages are JSON within JSON: a text with quotes or line ends has several spellings. */
function containsText(text: string): Condition {
  const texts = casesOf(text);
  const spellings = new Set<string>();
  for (const one of texts) {
    const once = JSON.stringify(one).slice(1, -1);
    spellings.add(once).add(JSON.stringify(once).slice(1, -1));
  }
  const inSpan = sql.join([...spellings].map((spelling) => like(sql`s.content_json`, spelling, "ilike")), sql` or `);
  const inTrace = sql.join([sql`o.name`, sql`o.input_preview`, sql`o.output_preview`].flatMap((column) => texts.map((one) => like(column, one, "ilike"))), sql` or `);
  return sql`(${inTrace} or ${someSpan(sql`(${inSpan})`)})`;
}

/** SQLite ignores the case of ASCII letters alone: a text with others is looked for as it is, in small letters, in capitals, and with its first letter as a capital. */
function casesOf(text: string): string[] {
  if (/^[\0-\x7f]*$/.test(text)) return [text];
  const small = text.toLowerCase();
  const [first = ""] = small;
  return [...new Set([text, small, text.toUpperCase(), first.toUpperCase() + small.slice(first.length)])];
}

function like(column: RawBuilder<unknown>, text: string, operator: "like" | "ilike"): RawBuilder<SqlBool> {
  const pattern = `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`;
  return sql`${expressionBuilder()(column as RawBuilder<string>, operator, pattern)}`;
}

/** The `next` of a page. */
export function nameOfPlace(value: number | bigint, ...names: readonly string[]): string {
  return Buffer.from(JSON.stringify([String(value), ...names])).toString("base64url");
}

/** Throws INVALID_REQUEST. */
export function placeOf(after: string): Place {
  try {
    const [value, first, second] = JSON.parse(Buffer.from(after, "base64url").toString("utf8")) as [string, string, string];
    const place = BigInt(value);
    if (typeof first === "string" && typeof second === "string" && BigInt.asIntN(64, place) === place) return [place, first, second];
  } catch {
    // Answered below.
  }
  throw new AppError("INVALID_REQUEST", "`after` is the `next` of no page.");
}
