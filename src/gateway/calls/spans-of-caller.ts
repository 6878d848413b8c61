import type { EndedTrace, SpanSink } from "../../tracing/index.ts";

/** Spans of the calls of one who reads no others of the team: they say whose they are. */
export class SpansOfCaller implements SpanSink {
  readonly #spans: SpanSink;
  readonly #caller: string;

  constructor(spans: SpanSink, caller: string) {
    this.#spans = spans;
    this.#caller = caller;
  }

  passesOver(trace: EndedTrace, spans: number): boolean {
    return this.#spans.passesOver(trace, spans);
  }

  emit(team: string, spans: Parameters<SpanSink["emit"]>[1]): void {
    this.#spans.emit(team, spans, this.#caller);
  }
}
