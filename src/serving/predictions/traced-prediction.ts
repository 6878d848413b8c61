import type { Clock } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import { newSpanId } from "../../core/trace-context.ts";
import { slipwayVersion } from "../../core/version.ts";
import { presentAttributes, type Attributes, type AttributeValue, type Span, type SpanSink } from "../../tracing/index.ts";
import type { PredictionTiming } from "../schemas.ts";

/** Where a prediction's span belongs. */
export interface PredictionParent {
  traceId: string;
  /** Null for a trace that begins here. */
  parentSpanId: string | null;
  /** Whose call of the gateway it is a part of. */
  caller?: string | undefined;
}

/** What a prediction came to, as far as it came. */
export interface PredictionFacts {
  predictionId: string;
  version: string;
  rows: number;
  outcome: string;
  timing: PredictionTiming;
  /** Who answered of a model with a route; null of others. */
  arm: string | null;
  rollout: string | null;
}

/** One version that was asked where more than one was. */
export interface AskedVersion {
  /** `stable`, the name of an arm, `shadow` or `fallback`. */
  as: string;
  model: string;
  version: string;
  outcome: string;
  failure: AppError | undefined;
  timing: PredictionTiming;
  /** What is under way has a prediction of its own in the log, such as a shadow's. */
  predictionId?: string;
}

const resource: Attributes = { "service.name": "slipway", "service.version": slipwayVersion };
const scope = { name: "slipway.serving", version: slipwayVersion };
const nanoseconds = (milliseconds: number): bigint => BigInt(Math.round(milliseconds * 1000)) * 1000n;

/** The span of one prediction while it is made, and those below it. What it says of the model is what its caller is told, and times. */
export class TracedPrediction {
  readonly traceId: string;
  readonly #spanId = newSpanId();
  readonly #parentSpanId: string | null;
  readonly #caller: string | undefined;
  readonly #team: Promise<string>;
  readonly #sink: SpanSink;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #startedTick: number;
  readonly #model: string;
  readonly #door: string;
  #facts: PredictionFacts | null = null;

  constructor(parts: { sink: SpanSink; clock: Clock }, of: { parent: PredictionParent; team: Promise<string>; model: string; door: string }) {
    this.#sink = parts.sink;
    this.#clock = parts.clock;
    this.traceId = of.parent.traceId;
    this.#parentSpanId = of.parent.parentSpanId;
    this.#caller = of.parent.caller;
    this.#team = of.team;
    this.#model = of.model;
    this.#door = of.door;
    this.#startedAt = parts.clock.now();
    this.#startedTick = parts.clock.monotonic();
  }

  /** To be said before the end. */
  tell(facts: PredictionFacts): void {
    this.#facts = facts;
  }

  /** Emits the span of a version that was asked just now, below that of the prediction; also after its end. */
  asked({ as, model, version, outcome, failure, timing, predictionId }: AskedVersion): void {
    const end = this.#elapsed();
    this.#emit({
      spanId: newSpanId(), parentSpanId: this.#spanId, name: `slipway.ask ${as}`, kind: "internal", start: Math.max(0, end - timing.totalUs / 1000), end, failure,
      attributes: { "slipway.model": model, "slipway.version": version, "slipway.asked_as": as, "slipway.outcome": outcome, "slipway.prediction_id": predictionId, ...timesOf(timing), "error.type": failure?.code },
    });
  }

  end(failure: AppError | undefined): void {
    const facts = this.#facts;
    this.#emit({
      spanId: this.#spanId, parentSpanId: this.#parentSpanId, name: `slipway.predict ${this.#model}`, kind: this.#parentSpanId === null ? "internal" : "server", start: 0, end: this.#elapsed(), failure,
      attributes: {
        "slipway.model": this.#model, "slipway.door": this.#door, "slipway.version": facts?.version, "slipway.arm": facts?.arm, "slipway.rollout": facts?.rollout, "slipway.rows": facts?.rows,
        "slipway.outcome": failure?.code ?? facts?.outcome, "slipway.prediction_id": facts?.predictionId, ...(facts === null ? {} : timesOf(facts.timing)), "error.type": failure?.code,
      },
    });
  }

  #elapsed(): number {
    return this.#clock.monotonic() - this.#startedTick;
  }

  /** `start` and `end` are milliseconds since the prediction began. */
  #emit({ start, end, failure, attributes, ...span }: Pick<Span, "spanId" | "parentSpanId" | "name" | "kind"> & { start: number; end: number; failure: AppError | undefined; attributes: Record<string, AttributeValue | null | undefined> }): void {
    const made: Span = {
      ...span, traceId: this.traceId, start: nanoseconds(this.#startedAt + start), end: nanoseconds(this.#startedAt + end),
      status: failure === undefined ? { code: "ok", message: "" } : { code: "error", message: failure.message }, attributes: presentAttributes(attributes), events: [], links: [], resource, scope,
    };
    // Whose it is may have to be read; that it cannot be is no matter of the prediction.
    this.#team.then((team) => this.#sink.emit(team, made, this.#caller), () => undefined);
  }
}

function timesOf({ batchRows, queueUs, runUs }: PredictionTiming): Record<string, number> {
  return { "slipway.batch_rows": batchRows, "slipway.queue_ms": queueUs / 1000, "slipway.run_ms": runUs / 1000 };
}
