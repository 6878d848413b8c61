import type { Route } from "../../core/route.ts";
import { inferRoutes } from "./infer-routes.ts";
import type { InferenceService } from "./inference-service.ts";
import { repositoryRoutes } from "./repository-routes.ts";
import { scoringRoutes, type OtherModel } from "./scoring-routes.ts";

/** Every inference wire over HTTP: the Open Inference Protocol, its repository extension, v1 and MLflow's scoring. */
export function openInferenceRoutes(service: InferenceService, facts: { version: string; otherModel?: OtherModel }): Route[] {
  return [...inferRoutes(service, facts.version), ...repositoryRoutes(service), ...scoringRoutes(service, facts.otherModel)];
}
