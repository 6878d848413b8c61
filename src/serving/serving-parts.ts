import type { Clock } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { BlobStore, RegistryService } from "../registry/index.ts";
import type { MeasurementStore } from "./versions/measurement-store.ts";
import type { ModelRuntime } from "./versions/model-runtime.ts";
import type { PredictionLog } from "./predictions/prediction-log.ts";
import type { PredictionTracing } from "./predictions/prediction-tracing.ts";
import type { ServingObserver } from "./serving-observer.ts";
import type { TrafficObserver } from "./traffic/traffic-observer.ts";

/** What serving is made of. */
export interface ServingParts {
  registry: RegistryService;
  blobs: BlobStore;
  measurements: MeasurementStore;
  machine: string;
  runtime: ModelRuntime;
  log: PredictionLog;
  observer: ServingObserver;
  /** Is told of models with a route alone. */
  traffic: TrafficObserver;
  /** Which predictions have spans; without it none. */
  tracing?: PredictionTracing;
  /** Whether a rollout shares the model's traffic out at present; without it there are none. */
  isRolledOut?(model: string): Promise<boolean>;
  events: EventBus;
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

/** What single requests are answered with. */
export type AnswerParts = Pick<ServingParts, "clock" | "ids" | "observer" | "traffic" | "log" | "logger" | "tracing">;

/** What nobody waits for is said in the log. */
export function logFailure(logger: Logger, event: string, model: string, error: unknown): void {
  const failure = toAppError(error);
  logger.error(event, { model, code: failure.code, reason: failure.message, cause: failure.cause });
}
