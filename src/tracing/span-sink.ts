import type { Span } from "./span.ts";

/** Takes the spans that this server makes itself. Returns at once, never throws, and passes over what is too much for its buffer, counting it. */
export interface SpanSink {
  /** `team`: whose members see it. */
  emit(team: string, span: Span): void;
}
