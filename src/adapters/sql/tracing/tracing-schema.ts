import type { Generated } from "kysely";

/** Tables of traces; conventions as in database-schema.ts. Times ending in `_ns` are nanoseconds since 1970, which come back as bigints. */
export interface TracingSchema {
  traces: TraceRow;
  trace_spans: TraceSpanRow;
  /** Attributes of few values, and models: one row for each value in a trace. */
  trace_values: { team: string; key: string; value: string; trace_id: string };
  trace_feedback: TraceFeedbackRow;
  /** What followers of feedback are told of that is gone: up to which revision, and when in milliseconds since 1970. */
  trace_feedback_removals: { team: string; trace_id: string; id: string; revision: number; removed_at: number };
  /** Feedback whose trace is not there yet, without its revision and its times, under an id of its waiting. */
  waiting_feedback: { id: string; team: string; trace_id: string; content_json: string; received_at: number };
}

/** Numbers of tokens, costs, spans and errors are sums over `trace_spans`. */
export interface TraceRow {
  team: string;
  trace_id: string;
  name: string;
  service: string | null;
  start_ns: number | bigint;
  /** The latest end of a span. */
  end_ns: number | bigint | null;
  /** Of the earliest span without a parent; null where none came yet. */
  root_start_ns: number | bigint | null;
  root_end_ns: number | bigint | null;
  root_failed: number;
  /** What a client said of the whole: `ok`, `error` or `running`. */
  told_status: string | null;
  spans: number;
  errors: number;
  input_tokens: number | null;
  output_tokens: number | null;
  cost: number | null;
  session: string | null;
  user_name: string | null;
  input_preview: string | null;
  output_preview: string | null;
  experiment: string | null;
  tags_json: string;
  metadata_json: string;
  received_at: number;
  /** Whose calls all of its spans are parts of; null where others added to it too, or before it was kept. */
  caller: Generated<string | null>;
  /** Since when it is being removed; null of all that anybody sees. */
  removed_at: Generated<number | null>;
}

export interface TraceSpanRow {
  team: string;
  trace_id: string;
  span_id: string;
  start_ns: number | bigint;
  end_ns: number | bigint | null;
  failed: number;
  input_tokens: number | null;
  output_tokens: number | null;
  cost: number | null;
  content_json: string;
}

export interface TraceFeedbackRow {
  team: string;
  trace_id: string;
  id: string;
  revision: number;
  name: string;
  content_json: string;
  /** Milliseconds since 1970, by the clock of the server that took it; 0 for what came before it was kept. */
  received_at: Generated<number>;
}
