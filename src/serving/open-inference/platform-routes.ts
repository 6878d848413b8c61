import { HttpAnswer, route, type Route } from "../../core/route.ts";
import { errorBody } from "./error-text.ts";
import type { InferenceService } from "./inference-service.ts";
import { predictBasics, predictV1, scoringRoutes } from "./scoring-routes.ts";

/** What the platform calls, beside the paths that are everybody's. */
export interface PlatformPaths {
  model: string;
  healthPath: string | undefined;
  predictPath: string | undefined;
}

/**
 * What a platform calls of the one model that its container serves: the routes of scoring, and the paths that it chose itself. Of SageMaker `GET /ping` and `POST /invocations`, of Vertex AI what AIP_HEALTH_ROUTE and
 * AIP_PREDICT_ROUTE name, with `{"instances": [rows]}`. Health is that of the model.
 */
export function platformRoutes(service: InferenceService, { model, healthPath = "/health", predictPath = "/invocations" }: PlatformPaths): Route[] {
  const scoring = scoringRoutes(service).filter(({ path }) => path !== "/ping");
  return [
    ...scoring,
    route({
      method: "GET", path: "/ping", aliases: ["/health", healthPath].filter((path, index, all) => path !== "/ping" && all.indexOf(path) === index).map(literal), access: "public", tag: "Scoring", operationId: "ping",
      summary: "The model serves; 503 while it does not", errorBody, response: { mediaType: "text/plain", description: "An empty line" },
      handle: () => new HttpAnswer(service.ready(model) ? 200 : 503, { "Content-Type": "text/plain" }, "\n"),
    }),
    // It takes instances there too.
    ...(scoring.some(({ path }) => path === predictPath)
      ? []
      : [route({ ...predictBasics, on: "some", path: literal(predictPath), operationId: "predictAtPath", summary: "Predict, where the platform calls", handle: (request) => predictV1(service, { model }, request) })]),
  ];
}

/** For the router, where a single colon begins a parameter. */
function literal(path: string): string {
  return path.replaceAll(":", "::");
}
