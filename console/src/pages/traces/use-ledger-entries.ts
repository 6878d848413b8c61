import { useResource } from "../../data/resource.ts";
import type { SpanView, TraceSummary } from "../../data/types.ts";

/** One call in the ledger, as far as a trace shows it. */
export interface LedgerCall {
  id: string;
  time: number;
  source: "gateway" | "trace";
  provider: string;
  model: string;
  outcome: string;
  estimated: boolean;
  /** Billionths of a US dollar; null where the price is not known. */
  cost: number | null;
  priceVersion: string | null;
  /** Milliseconds. */
  totalMs: number;
}

const none: readonly LedgerCall[] = [];

/** Calls of a trace in the ledger; none while it is not known, and where the reader may not see costs. */
export function useLedgerEntries(trace: TraceSummary): readonly LedgerCall[] {
  const search = new URLSearchParams({ trace: trace.traceId, since: String(Math.max(0, Math.floor(trace.start) - 1000)), limit: "1000" });
  const { data } = useResource<{ entries: LedgerCall[] }>(trace.cost === null ? null : `/api/costs/entries?${search}`);
  return data?.entries ?? none;
}

/** The ledger's line of a span: both have the same beginning. So have those of attempts that another target answered for, which took no longer than the call. */
export function ledgerCallOf(span: Pick<SpanView, "start" | "scope" | "inputTokens" | "outputTokens">, entries: readonly LedgerCall[]): LedgerCall | null {
  const source = span.scope.name === "slipway.gateway" ? "gateway" : "trace";
  if (source === "trace" && span.inputTokens === null && span.outputTokens === null) return null;
  const own = entries.filter((entry) => entry.source === source && entry.time === Math.floor(span.start));
  return own.reduce<LedgerCall | null>((longest, entry) => (longest === null || entry.totalMs > longest.totalMs ? entry : longest), null);
}
