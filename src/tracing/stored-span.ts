import type { Attributes, Span } from "./span.ts";

/** A span as it is kept: `attributes` in the GenAI conventions, and those of another dialect as they came. */
export interface StoredSpan extends Span {
  original: Attributes;
  /** Keys of `attributes` that were made out of `original`: without them, and with `original`, they are what was sent. */
  translated: readonly string[];
}

/** What is known of a span without reading it whole, for the summary of its trace. Null was not told. */
export interface SpanFacts {
  failed: boolean;
  /** Null also on spans which sum up others, such as an agent's: each token counts once. */
  inputTokens: number | null;
  outputTokens: number | null;
  /** Billionths of a US dollar. */
  cost: number | null;
  session: string | null;
  user: string | null;
  service: string | null;
  inputPreview: string | null;
  outputPreview: string | null;
  /** Attributes of few values, by which traces are found quickly. */
  indexed: readonly (readonly [key: string, value: string])[];
}

/** A span with whose it is. */
export interface SpanRecord {
  team: string;
  experiment: string | null;
  span: StoredSpan;
  /** This server made it: nobody else says in which arm a call was, or that the gateway answered it. */
  isOwn: boolean;
  /** Whether its tokens and its cost are some of its trace's: each counts once, whoever else tells of it. */
  counts: boolean;
  /** Whose call of this server it is a part of; absent where that is nobody, or not known. */
  caller?: string | undefined;
}

/** Records as texts, one each, that the store alone reads: what waits to be written like this costs the collector little. */
export type PackedSpans = readonly string[];
