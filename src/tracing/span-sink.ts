import type { Span } from "./span.ts";

/** What is known of a trace when its root has ended, before any span of it is made. */
export interface EndedTrace {
  team: string;
  traceId: string;
  /** Attribute `slipway.route` of the root. */
  route: string | null;
  failed: boolean;
  /** Milliseconds. */
  duration: number;
}

/** Takes the spans that this server makes itself. Returns at once, never throws, and passes over what is too much for its buffer, counting it. */
export interface SpanSink {
  /** Whether sampling lets go of a trace whose root began and ended here: its spans need not be made. `spans`: how many they would be. */
  passesOver(trace: EndedTrace, spans: number): boolean;
  /**
   * `team`: whose members see it. Spans that are given as a function are made soon, and while nobody waits for an answer. `caller`: who sees a trace
   * whose spans are all of its calls, without being of the team.
   */
  emit(team: string, spans: Span | (() => readonly Span[]), caller?: string): void;
}
