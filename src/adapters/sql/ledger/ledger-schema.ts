/** Tables of the ledger; conventions as in database-schema.ts. Costs are whole billionths of a US dollar. */
export interface LedgerSchema {
  ledger_entries: LedgerEntryRow;
  ledger_tags: { entry: string; name: string; value: string };
  ledger_hours: LedgerHourRow;
  /** As `ledger_hours`, of entries whose source is `trace`. */
  ledger_trace_hours: LedgerHourRow;
  ledger_budgets: { team: string; scope: string; name: string; limits_json: string; updated_at: number; updated_by: string };
  ledger_prices: { id: string; price_json: string };
  ledger_alerts: { scope: string; threshold: number; written_at: number };
}

export interface LedgerEntryRow {
  id: string;
  time: number;
  kind: string;
  actor: string;
  team: string;
  /** Empty where nobody said, as the other names that may be missing. */
  project: string;
  route: string;
  caller_user: string;
  session: string;
  trace: string;
  agent_run: string;
  provider: string;
  model: string;
  outcome: string;
  estimated: number;
  input_tokens: number | null;
  cache_read_tokens: number | null;
  cache_write_tokens: number | null;
  cache_write_hour_tokens: number | null;
  output_tokens: number | null;
  cost: number | null;
  price_version: string | null;
  total_ms: number;
  first_byte_ms: number | null;
  source: string;
  /** Of those of input and output, the tokens of audio; null where there were none, as in what follows. */
  audio_input_tokens: number | null;
  audio_output_tokens: number | null;
  search_units: number | null;
  web_searches: number | null;
  /** Of answers from the cache: -1 where nobody knows it, null in what releases wrote that did not keep it. Null for other calls. */
  saved_cost: number | null;
}

/** Sums of entries by the hour in which they began: written in the transaction that adds them, and kept when they go. */
export interface LedgerHourRow {
  hour: number;
  team: string;
  actor: string;
  project: string;
  route: string;
  provider: string;
  model: string;
  outcome: string;
  calls: number;
  unpriced: number;
  input_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  output_tokens: number;
  cost: number;
  /** Of the answers from the cache whose entries tell it. */
  saved_cost: number;
  /** How many of these answers there are, known or not. */
  saved_told: number;
  /** Of how many of them nobody knows it. */
  saved_unpriced: number;
}
