import { z } from "zod";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";

export interface SystemFacts {
  version: string;
  startedAt: EpochMs;
  isReady: () => boolean;
  /** False when the database has not answered for seconds. */
  databaseAnswers: () => boolean;
  ports: () => { httpPort: number; grpcPort: number };
  /** What models may run on, such as `["cpu"]`. */
  executionProviders: () => Promise<string[]>;
  /** The reference of all routes, as JSON text. */
  openApi: () => string;
}

const ServerFacts = z
  .object({
    name: z.literal("slipway"),
    version: z.string(),
    startedAt: z.number().int(),
    httpPort: z.number().int(),
    grpcPort: z.number().int(),
    executionProviders: z.array(z.string()),
  })
  .meta({ id: "ServerFacts" });

/** The MLflow server whose wire is spoken here. */
const spokenMlflowVersion = "3.17.0";
const tag = "System";

/** What the server says of itself. */
export function systemRoutes(facts: SystemFacts): Route[] {
  const status = z.object({ status: z.literal("ok") });
  return [
    route({
      method: "GET", path: "/health", access: "public", operationId: "getHealth", summary: "The process answers", tag,
      description: "The text OK, which MLflow's tools expect; `{\"status\":\"ok\"}` for callers that accept application/json by name.",
      response: { mediaType: "text/plain", description: "OK" },
      handle: ({ headers }) =>
        String(headers.accept).includes("application/json")
          ? new HttpAnswer(200, { "Content-Type": "application/json" }, '{"status":"ok"}')
          : new HttpAnswer(200, { "Content-Type": "text/plain" }, "OK"),
    }),
    route({
      method: "GET", path: "/ready", access: "public", operationId: "getReadiness", summary: "Models that should serve are loaded; 503 until then", tag, response: status,
      handle: () => {
        if (!facts.databaseAnswers()) {
          throw new AppError("DATABASE_UNAVAILABLE", "The database has not answered for seconds; models that are loaded go on serving.", { retryAfterSeconds: 1 });
        }
        if (!facts.isReady()) throw new AppError("VERSION_NOT_READY", "Models are being loaded, or the server is going down.", { retryAfterSeconds: 1 });
        return { status: "ok" as const };
      },
    }),
    route({
      method: "GET", path: "/version", access: "public", operationId: "getVersionText", summary: "The version as plain text", tag,
      response: { mediaType: "text/plain", description: "Version of Slipway" },
      // MLflow's clients take this for the version of an MLflow server, and send spans by OTLP to those from 3.4 on alone.
      handle: ({ headers }) => new HttpAnswer(200, { "Content-Type": "text/plain" }, String(headers["user-agent"]).startsWith("mlflow-python-client/") ? spokenMlflowVersion : facts.version),
    }),
    route({
      method: "GET", path: "/api/server", access: "viewer", on: "some", operationId: "getServer", summary: "Version, ports and what models run on", tag, response: ServerFacts,
      handle: async () => ({
        name: "slipway" as const, version: facts.version, startedAt: facts.startedAt, ...facts.ports(), executionProviders: await facts.executionProviders(),
      }),
    }),
    route({
      method: "GET", path: "/openapi.json", access: "public", operationId: "getOpenApi", summary: "This reference as OpenAPI 3.1", tag,
      response: { mediaType: "application/json", description: "OpenAPI 3.1" },
      handle: () => new HttpAnswer(200, { "Content-Type": "application/json" }, facts.openApi()),
    }),
  ];
}
