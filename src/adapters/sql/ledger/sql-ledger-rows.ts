import { epochMs } from "../../../core/clock.ts";
import type { BilledUse, LedgerEntry } from "../../../ledger/index.ts";
import type { LedgerEntryRow, LedgerHourRow } from "./ledger-schema.ts";

export const hourMs = 3_600_000;

/** Names that may be missing are empty texts: parts of a key cannot be NULL. */
export function nameOrNull(name: string): string | null {
  return name === "" ? null : name;
}

/** In place of what an answer from the cache saved where nobody knows: null says that it was not kept. */
export const unknownSaving = -1;

const texts = ["id", "kind", "actor", "team", "project", "route", "caller_user", "session", "trace", "agent_run", "provider", "model", "outcome", "price_version", "source"] as const;
const wholes = ["time", "estimated", "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_hour_tokens", "output_tokens", "cost", "audio_input_tokens", "audio_output_tokens", "search_units", "web_searches", "saved_cost"] as const;

/** Columns of an entry and their types, in the order of `entryRow`. */
export const entryRowColumns: readonly (readonly [name: keyof LedgerEntryRow, type: "text" | "bigint" | "double precision"])[] = [
  ...texts.map((name) => [name, "text"] as const), ...wholes.map((name) => [name, "bigint"] as const), ["total_ms", "double precision"], ["first_byte_ms", "double precision"],
];

export function entryRow({ id, time, kind, attribution, provider, model, outcome, estimated, tokens, units = {}, cost, savedCost, priceVersion, totalMs, firstByteMs, source }: LedgerEntry): readonly unknown[] {
  const { actor, team, project, route, user, session, traceId, agentRun } = attribution;
  return [
    id, kind, actor, team, project ?? "", route ?? "", user ?? "", session ?? "", traceId ?? "", agentRun ?? "", provider, model, outcome, priceVersion, source ?? "gateway",
    time, estimated, tokens.input, tokens.cacheRead, tokens.cacheWrite, tokens.cacheWriteHour ?? null, tokens.output, cost,
    units.audioInput ?? null, units.audioOutput ?? null, units.searchUnits ?? null, units.webSearches ?? null, savedCost === null ? unknownSaving : savedCost ?? null, totalMs, firstByteMs,
  ];
}

export function ledgerEntryOf(row: LedgerEntryRow, tags: Record<string, string>): LedgerEntry {
  const hourTokens = row.cache_write_hour_tokens;
  const units = { audioInput: row.audio_input_tokens, audioOutput: row.audio_output_tokens, searchUnits: row.search_units, webSearches: row.web_searches };
  const told = Object.entries(units).filter(([, number]) => number !== null);
  return {
    ...(row.source === "trace" ? { source: "trace" as const } : {}), id: row.id, time: epochMs(row.time), kind: row.kind as LedgerEntry["kind"],
    attribution: {
      actor: row.actor, team: row.team, project: nameOrNull(row.project), route: nameOrNull(row.route), user: nameOrNull(row.caller_user), session: nameOrNull(row.session),
      traceId: nameOrNull(row.trace), agentRun: nameOrNull(row.agent_run), tags,
    },
    provider: row.provider, model: row.model, outcome: row.outcome as LedgerEntry["outcome"], estimated: row.estimated === 1,
    tokens: { input: row.input_tokens, cacheRead: row.cache_read_tokens, cacheWrite: row.cache_write_tokens, output: row.output_tokens, ...(hourTokens === null ? {} : { cacheWriteHour: hourTokens }) },
    ...(told.length === 0 ? {} : { units: Object.fromEntries(told) as BilledUse }),
    cost: row.cost, ...(row.saved_cost === null ? {} : { savedCost: row.saved_cost === unknownSaving ? null : row.saved_cost }), priceVersion: row.price_version, totalMs: row.total_ms, firstByteMs: row.first_byte_ms,
  };
}

/** Rows of one statement: databases take some thousands of values. */
const chunk = 200;

export function chunksOf<Value>(values: readonly Value[]): Value[][] {
  return Array.from({ length: Math.ceil(values.length / chunk) }, (_, index) => values.slice(index * chunk, (index + 1) * chunk));
}

/** Entries summed by the hour, in the order of their keys. */
export function hourRows(entries: readonly LedgerEntry[]): LedgerHourRow[] {
  const rows = new Map<string, LedgerHourRow>();
  for (const { time, attribution: { team, actor, project, route }, provider, model, outcome, tokens, cost, savedCost } of entries) {
    const key = { hour: Math.floor(time / hourMs) * hourMs, team, actor, project: project ?? "", route: route ?? "", provider, model, outcome };
    const text = JSON.stringify(Object.values(key));
    const row = rows.get(text) ?? { ...key, calls: 0, unpriced: 0, input_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0, output_tokens: 0, cost: 0, saved_cost: 0, saved_told: 0, saved_unpriced: 0 };
    row.calls += 1;
    row.unpriced += cost === null ? 1 : 0;
    row.input_tokens += tokens.input ?? 0;
    row.cache_read_tokens += tokens.cacheRead ?? 0;
    row.cache_write_tokens += (tokens.cacheWrite ?? 0) + (tokens.cacheWriteHour ?? 0);
    row.output_tokens += tokens.output ?? 0;
    row.cost += cost ?? 0;
    row.saved_cost += savedCost ?? 0;
    row.saved_told += savedCost === undefined ? 0 : 1;
    row.saved_unpriced += savedCost === null ? 1 : 0;
    rows.set(text, row);
  }
  return [...rows.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row);
}
