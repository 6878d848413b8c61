import type { Route } from "../core/route.ts";
import type { ArtifactService, LoggedModelService, TrackingService } from "../tracking/index.ts";
import { experimentRoutes } from "./experiment-routes.ts";
import { loggedModelRoutes } from "./logged-model-routes.ts";
import { metricRoutes } from "./metric-routes.ts";
import { modelVersionRoutes, type ModelVersionRouteParts } from "./model-version-routes.ts";
import { registeredModelRoutes } from "./registered-model-routes.ts";
import { runRoutes } from "./run-routes.ts";

export { artifactRoutes, type ArtifactRouteParts } from "./artifact-routes.ts";
export { mlflowFormatName, mlflowWebhookFormat } from "./webhook-format.ts";
export { makeTraceFile, readTraceFiles } from "./trace-files.ts";
export { mlflowTraceRoutes } from "./trace-routes.ts";
export { mlflowWebhookRoutes } from "./webhook-routes.ts";
export { runFilter, runOrder } from "./filter/index.ts";
export { downloadUri, type ModelVersionRouteParts } from "./model-version-routes.ts";

export interface MlflowTrackingParts {
  tracking: TrackingService;
  models: LoggedModelService;
  artifacts: ArtifactService;
}

/** Experiments, runs, metrics and logged models over MLflow's wire. */
export function mlflowTrackingRoutes({ tracking, models, artifacts }: MlflowTrackingParts): Route[] {
  return [...experimentRoutes(tracking), ...runRoutes(tracking), ...metricRoutes(tracking), ...loggedModelRoutes(models, artifacts)];
}

/** Registered models, versions, stages and aliases over MLflow's wire. */
export function mlflowRegistryRoutes(parts: ModelVersionRouteParts): Route[] {
  return [...registeredModelRoutes(parts.catalog), ...modelVersionRoutes(parts)];
}
