import { useResource } from "../../data/resource.ts";
import type { SpanView, TraceSummary } from "../../data/types.ts";
import type { CostEntry } from "../costs/costs-data.ts";

/** One call in the ledger, as far as a trace shows it. */
export interface LedgerCall {
  id: string;
  time: number;
  source: "gateway" | "trace";
  provider: string;
  model: string;
  outcome: CostEntry["outcome"];
  estimated: boolean;
  /** Billionths of a US dollar; null where the price is not known. */
  cost: number | null;
  priceVersion: string | null;
  /** Of an answer from the cache: what it cost when it was made, where somebody knows. */
  savedCost?: number | null;
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

/** Attribute of a span with the id of its entry. */
const entryKey = "slipway.ledger_entry";

/**
 * The ledger's entry of a span, by the id that both have. Spans of former releases have none: there it is the only entry with the same beginning, of a call as its caller saw it or one that a program told of.
 */
export function ledgerCallOf(span: Pick<SpanView, "start" | "scope" | "kind" | "inputTokens" | "outputTokens" | "attributes">, entries: readonly LedgerCall[]): LedgerCall | null {
  const id = span.attributes[entryKey];
  if (typeof id === "string") return entries.find((entry) => entry.id === id) ?? null;
  const isGateway = span.scope.name === "slipway.gateway";
  if (isGateway ? span.kind !== "server" : span.inputTokens === null && span.outputTokens === null) return null;
  const [entry, ...others] = entries.filter(({ source, time }) => source === (isGateway ? "gateway" : "trace") && time === Math.floor(span.start));
  return others.length > 0 ? null : (entry ?? null);
}
