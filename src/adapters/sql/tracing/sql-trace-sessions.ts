import { sql, type Kysely, type RawBuilder } from "kysely";
import type { Page } from "../../../core/search-condition.ts";
import type { TraceSession } from "../../../tracing/schemas.ts";
import type { TraceStore } from "../../../tracing/trace-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { millisecondsOf } from "./sql-trace-rows.ts";
import { nameOfPlace, placeOf, visibleCondition } from "./sql-trace-search.ts";

type Request = Parameters<TraceStore["sessions"]>[0];

/** A session with the start of its newest trace. */
interface NewestTrace {
  session: string;
  team: string;
  start_ns: bigint | number;
}

type Place = readonly [start: bigint | number, session: string, team: string];

/** Traces that one statement goes back over: few at first, for most pages are of few. */
const stepTraces = { first: 500, most: 8000 };
/** A session that takes so many of a step's traces is left out of the next ones, and so many sessions at most. */
const crowded = { traces: 16, sessions: 500 };

/**
 * Sessions by their newest trace. Goes back over the traces from the page's beginning through an index until it has met enough sessions, and sums up those alone: what it costs follows from the traces of the page's sessions and
 * those in between, and not from all that are kept.
 */
export async function listSessions(queries: Kysely<DatabaseSchema>, request: Request): Promise<Page<TraceSession>> {
  const newest = await newestSessions(queries, request, request.limit + 1);
  const page = newest.slice(0, request.limit);
  const last = page.at(-1);
  return { items: last === undefined ? [] : await sumsOf(queries, request, page), next: newest.length > request.limit && last !== undefined ? nameOfPlace(last.start_ns, last.session, last.team) : null };
}

function seen({ visible, user }: Request): RawBuilder<unknown> {
  return sql.join([sql`o.session is not null`, ...visibleCondition(visible), ...(user === undefined ? [] : [sql`o.user_name = ${user}`])], sql` and `);
}

function nameOf({ session, team }: { session: string; team: string }): string {
  return JSON.stringify([session, team]);
}

function valuesOf(sessions: readonly { session: string; team: string }[]): RawBuilder<unknown> {
  return sql`(values ${sql.join(sessions.map(({ session, team }) => sql`(${session}, ${team})`))})`;
}

/** The first ones behind the page before, at most `most`. */
async function newestSessions(queries: Kysely<DatabaseSchema>, request: Request, most: number): Promise<NewestTrace[]> {
  const after: Place | null = request.after === null ? null : placeOf(request.after);
  const found: NewestTrace[] = [];
  const met = new Set<string>();
  const leftOut: NewestTrace[] = [];
  let beyond = after;
  for (let step = stepTraces.first; ; step = Math.min(step * 2, stepTraces.most)) {
    const { rows } = await sql<NewestTrace>`select o.session, o.team, o.start_ns from traces o where ${seen(request)}
      ${beyond === null ? sql`` : sql`and (o.start_ns, o.session, o.team) < (${sql.join([...beyond])})`} ${leftOut.length === 0 ? sql`` : sql`and (o.session, o.team) not in ${valuesOf(leftOut)}`}
      order by o.start_ns desc, o.session desc, o.team desc limit ${sql.lit(step)}`.execute(queries);
    const counts = new Map<string, number>();
    const others: NewestTrace[] = [];
    for (const row of rows) {
      const name = nameOf(row);
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      if (count === crowded.traces && leftOut.length < crowded.sessions) leftOut.push(row);
      if (met.has(name)) continue;
      met.add(name);
      others.push(row);
    }
    found.push(...(after === null ? others : await withoutNewer(queries, request, after, others)));
    const last = rows.at(-1);
    if (found.length >= most || last === undefined || rows.length < step) return found.slice(0, most);
    beyond = [last.start_ns, last.session, last.team];
  }
}

/** Those that were on no page before. */
async function withoutNewer(queries: Kysely<DatabaseSchema>, request: Request, after: Place, sessions: readonly NewestTrace[]): Promise<NewestTrace[]> {
  if (sessions.length === 0) return [];
  const { rows } = await sql<{ session: string; team: string }>`select v.column1 as session, v.column2 as team from ${valuesOf(sessions)} v
    where exists (select 1 from traces o where o.session = v.column1 and o.team = v.column2 and o.start_ns >= ${after[0]} and (o.start_ns, o.session, o.team) >= (${sql.join([...after])}) and ${seen(request)})`.execute(queries);
  const shown = new Set(rows.map(nameOf));
  return sessions.filter((session) => !shown.has(nameOf(session)));
}

/**
 * Traces `o` of these sessions. Their names alone say less, but Postgres judges each trace of a team by them at once where it has no statistics yet and takes the team's index, and compares it with all of the sessions one by one otherwise.
 */
export function ofSessions(sessions: readonly { session: string; team: string }[]): RawBuilder<unknown> {
  return sql`o.session in (${sql.join([...new Set(sessions.map(({ session }) => session))])}) and (o.session, o.team) in ${valuesOf(sessions)}`;
}

/** In the order in which they were found; what is gone meanwhile is left out. */
async function sumsOf(queries: Kysely<DatabaseSchema>, request: Request, sessions: readonly NewestTrace[]): Promise<TraceSession[]> {
  const { rows } = await sql<{ session: string; team: string; user_name: string | null; traces: number; errors: number; first_ns: bigint; end_ns: bigint; input_tokens: number | null; output_tokens: number | null; cost: number | null }>`
    select o.session, o.team, max(o.user_name) as user_name, count(*) as traces, cast(sum(case when o.errors > 0 then 1 else 0 end) as bigint) as errors, min(o.start_ns) as first_ns,
      max(coalesce(o.end_ns, o.start_ns)) as end_ns, ${boundedSum("input_tokens")}, ${boundedSum("output_tokens")}, ${boundedSum("cost")}
    from traces o where ${ofSessions(sessions)} and ${seen(request)} group by o.session, o.team`.execute(queries);
  const sums = new Map(rows.map((row) => [nameOf(row), row]));
  return sessions.flatMap((session) => {
    const row = sums.get(nameOf(session));
    if (row === undefined) return [];
    const { user_name: user, traces, errors, first_ns: first, end_ns: end, input_tokens: inputTokens, output_tokens: outputTokens, cost } = row;
    return [{ session: row.session, team: row.team, user, traces, errors, start: millisecondsOf(first), end: millisecondsOf(end), inputTokens, outputTokens, cost }];
  });
}

/** What JavaScript has exactly, and goes no further. Summed beyond 64 bits: SQLite fails where whole numbers do not fit. */
function boundedSum(column: "input_tokens" | "output_tokens" | "cost"): RawBuilder<unknown> {
  const sum = sql`sum(${sql.ref(`o.${column}`)} * 1.0)`;
  return sql`cast(case when ${sum} > ${sql.lit(Number.MAX_SAFE_INTEGER)} then ${sql.lit(Number.MAX_SAFE_INTEGER)} else ${sum} end as bigint) as ${sql.ref(column)}`;
}
