import type { Clock } from "../../core/clock.ts";
import { newSpanId, newTraceId, readTraceParent } from "../../core/trace-context.ts";
import { teamOfSender, teamHeader, type SpanSink } from "../../tracing/index.ts";
import type { InferenceCall } from "../open-inference/inference-service.ts";
import { TracedPrediction, type PredictionParent } from "./traced-prediction.ts";

export interface PredictionTracingParts {
  sink: SpanSink;
  clock: Clock;
  /** Part of the predictions without a `traceparent` that get a trace, 0 to 1. */
  share: number;
  /** Whose the model is: its span is theirs where the caller has no team to write to. */
  teamOf(model: string): string | null | Promise<string | null>;
}

const otherwise = "default";

/** Decides which predictions have a span. Of the others nothing is made and nothing is kept: they cost the look at one header. */
export class PredictionTracing {
  readonly #parts: PredictionTracingParts;
  readonly #share: number;
  #draws: number;

  constructor(parts: PredictionTracingParts) {
    this.#parts = parts;
    this.#share = parts.share;
    this.#draws = Number.parseInt(newSpanId().slice(0, 7), 16) | 1;
  }

  /** Null for a prediction without a span. Callers that say of their trace that they do not keep it are believed. */
  begin(call: InferenceCall): TracedPrediction | null {
    const { connection, within } = call;
    if (within !== undefined) return this.#of(call, { traceId: within.traceId, parentSpanId: within.spanId, caller: within.caller }, Promise.resolve(within.team));
    // All metadata of gRPC are more than is needed here.
    const header = call.door === "grpc" ? connection.traceparent : connection.headers.traceparent;
    if (header === undefined) return this.#share > 0 && this.#draw() < this.#share ? this.#of(call, { traceId: newTraceId(call.now), parentSpanId: null }, this.#team(call)) : null;
    const parent = readTraceParent(header);
    return parent?.sampled === true ? this.#of(call, { traceId: parent.traceId, parentSpanId: parent.spanId }, this.#team(call)) : null;
  }

  #of({ model, door }: InferenceCall, parent: PredictionParent, team: Promise<string>): TracedPrediction {
    return new TracedPrediction(this.#parts, { parent, team, model, door });
  }

  /** The team to whose traces the caller's own spans belong: there is the trace that this one is part of. */
  async #team({ connection, model }: InferenceCall): Promise<string> {
    const { caller } = connection;
    try {
      if (caller !== undefined) return teamOfSender(caller, connection.headers[teamHeader] as string | string[] | undefined);
    } catch {
      // It may predict and not write traces.
    }
    return (await this.#parts.teamOf(model)) ?? otherwise;
  }

  /** A number from 0 to 1 (xorshift); which predictions are traced need not be hard to guess. */
  #draw(): number {
    let draws = this.#draws;
    draws ^= draws << 13;
    draws ^= draws >>> 17;
    draws ^= draws << 5;
    this.#draws = draws;
    return (draws >>> 0) / 2 ** 32;
  }
}
