import { useResource } from "../../data/resource.ts";
import type { SpanView, TraceSummary } from "../../data/types.ts";

/** One call in the ledger, as far as a trace shows it. */
export interface LedgerCall {
  id: string;
  time: number;
  attribution: { traceId: string | null };
  provider: string;
  model: string;
  outcome: string;
  estimated: boolean;
  /** Billionths of a US dollar; null where the price is not known. */
  cost: number | null;
  priceVersion: string | null;
}

/** The ledger is searched by time: so much after a trace's start its calls are looked for. */
const longestMs = 3_600_000;
const none: readonly LedgerCall[] = [];

/** Calls of a trace in the ledger; none while it is not known, and where the reader may not see costs. */
export function useLedgerEntries(trace: TraceSummary): readonly LedgerCall[] {
  const since = Math.floor(trace.start) - 1000;
  const search = new URLSearchParams({ since: String(since), until: String(Math.ceil(trace.start + Math.min(longestMs, trace.durationMs ?? longestMs)) + 2000), limit: "1000" });
  if (trace.session !== null) search.set("session", trace.session);
  // Only what the gateway did itself has a price of the ledger.
  const { data } = useResource<{ entries: LedgerCall[] }>(trace.cost === null ? null : `/api/costs/entries?${search}`);
  return data?.entries.filter(({ attribution }) => attribution.traceId === trace.traceId) ?? none;
}

/** The ledger's line of a span: the gateway writes both with the same beginning. */
export function ledgerCallOf(span: Pick<SpanView, "start" | "scope">, entries: readonly LedgerCall[]): LedgerCall | null {
  if (span.scope.name !== "slipway.gateway") return null;
  return entries.find(({ time }) => time === Math.floor(span.start)) ?? null;
}
