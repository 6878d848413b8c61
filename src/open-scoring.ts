import { scoringDoorOf, type Config } from "./config/index.ts";
import type { BodyBudget } from "./core/body-budget.ts";
import type { Caller } from "./core/caller.ts";
import type { Clock } from "./core/clock.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import type { RequestGate } from "./core/request-gate.ts";
import type { TurnedAway } from "./core/turned-away.ts";
import { HttpServer } from "./http/http-server.ts";
import { RouteTable } from "./http/route-table.ts";
import { platformRoutes, type ServingInference } from "./serving/index.ts";

/** The port at which a platform calls one model without a key. */
export interface OpenedScoring {
  /** Null where there is none. */
  port: number | null;
  drain(graceMs: number): Promise<void>;
  destroy(): void;
}

/** No page is shown there. */
const noConsole = { built: false, lookup: () => null };

/**
 * Opens the door for platforms that ask callers for their rights themselves (SageMaker, Vertex AI), where the settings name a model for it: whoever calls there may ask that model for predictions, and nothing else.
 * TLS ends at the platform. Throws CONFIG_INVALID.
 */
export async function openScoring({ config, inference, gate, bodyBudget, turnedAway, ...parts }: { config: Config; inference: ServingInference; gate: RequestGate; bodyBudget: BodyBudget; turnedAway: TurnedAway; clock: Clock; ids: IdGenerator; logger: Logger }): Promise<OpenedScoring> {
  const door = scoringDoorOf(config);
  if (door === null) return { port: null, drain: () => Promise.resolve(), destroy: () => undefined };
  const platform: Caller = { actor: "platform", name: "platform", grants: [{ role: "viewer", team: "*", models: [door.model] }] };
  const access: RequestGate = {
    identify: () => platform,
    authorize: (...asked) => gate.authorize(...asked),
    // Predictions are in their log, and nothing else can be done here.
    audit: () => Promise.resolve(),
  };
  const http = new HttpServer({ ...config, host: door.host, port: door.port, bodyBudget, turnedAway, allowedHosts: "any", secure: false }, { ...parts, table: new RouteTable(platformRoutes(inference, door)), console: noConsole, access });
  const port = await http.listen();
  parts.logger.info("scoring.started", { host: door.host, port, model: door.model });
  return { port, drain: (graceMs) => http.drain(graceMs), destroy: () => http.destroy() };
}
