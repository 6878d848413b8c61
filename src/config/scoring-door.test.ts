import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AppError } from "../core/errors.ts";
import { Config } from "./config.ts";
import { scoringDoorOf } from "./scoring-door.ts";

const doorOf = (settings: Record<string, unknown>, environment: Record<string, string> = {}) => scoringDoorOf(Config.parse(settings), environment);
const problemsOf = (settings: Record<string, unknown>, environment: Record<string, string> = {}): unknown => {
  try {
    return doorOf(settings, environment);
  } catch (error) {
    return (error as AppError).problems?.map(({ path }) => path);
  }
};

describe("scoringDoorOf", () => {
  const vertex = { AIP_HTTP_PORT: "8123", AIP_HEALTH_ROUTE: "/v1/endpoints/1/deployedModels/2", AIP_PREDICT_ROUTE: "/v1/endpoints/1/deployedModels/2:predict" };

  it("opens none without a model, whatever the platform says", () => {
    assert.equal(doorOf({}, vertex), null);
  });

  it("stays on loopback, at the port that SageMaker and Vertex AI call, until it is told otherwise", () => {
    assert.deepEqual(doorOf({ scoringModel: "m" }), { model: "m", host: "127.0.0.1", port: 8080, healthPath: undefined, predictPath: undefined });
    assert.equal(doorOf({ scoringModel: "m" }, { SAGEMAKER_BIND_TO_PORT: "9000" })!.port, 9000);
  });

  it("takes what Vertex AI says, and settings before that", () => {
    assert.deepEqual(doorOf({ scoringModel: "m", scoringHost: "0.0.0.0" }, vertex), { model: "m", host: "0.0.0.0", port: 8123, healthPath: vertex.AIP_HEALTH_ROUTE, predictPath: vertex.AIP_PREDICT_ROUTE });
    assert.deepEqual(doorOf({ scoringModel: "m", scoringPort: "1", scoringPredictPath: "/p" }, vertex), { model: "m", host: "127.0.0.1", port: 1, healthPath: vertex.AIP_HEALTH_ROUTE, predictPath: "/p" });
  });

  it("names what cannot be, by where it was said", () => {
    assert.deepEqual(problemsOf({ scoringModel: "m" }, { AIP_HTTP_PORT: "70000", AIP_HEALTH_ROUTE: "no path", AIP_PREDICT_ROUTE: "/*" }), ["AIP_HTTP_PORT", "AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE"]);
    assert.deepEqual(problemsOf({ scoringPort: 1, scoringPredictPath: "/p" }), ["SLIPWAY_SCORING_PORT", "SLIPWAY_SCORING_PREDICT_PATH"]);
  });
});
