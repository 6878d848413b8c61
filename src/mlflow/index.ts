import type { Route } from "../core/route.ts";
import type { ArtifactService, LoggedModelService, TrackingService } from "../tracking/index.ts";
import { experimentRoutes } from "./experiment-routes.ts";
import { loggedModelRoutes } from "./logged-model-routes.ts";
import { metricRoutes } from "./metric-routes.ts";
import { runRoutes } from "./run-routes.ts";
import { traceRoutes } from "./trace-routes.ts";

export { artifactRoutes, type ArtifactRouteParts } from "./artifact-routes.ts";
export { runFilter, runOrder } from "./filter/index.ts";
export { mlflowError } from "./wire-error.ts";

export interface MlflowTrackingParts {
  tracking: TrackingService;
  models: LoggedModelService;
  artifacts: ArtifactService;
}

/** Experiments, runs, metrics and logged models over MLflow's wire. */
export function mlflowTrackingRoutes({ tracking, models, artifacts }: MlflowTrackingParts): Route[] {
  return [...experimentRoutes(tracking), ...runRoutes(tracking), ...metricRoutes(tracking), ...loggedModelRoutes(models, artifacts), ...traceRoutes()];
}
