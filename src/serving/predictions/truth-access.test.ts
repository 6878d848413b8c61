import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Caller, Grant } from "../../core/caller.ts";
import { AppError } from "../../core/errors.ts";
import type { RegistryService } from "../../registry/index.ts";
import type { PredictionLog } from "./prediction-log.ts";
import type { Prediction, TruthRecord } from "../schemas.ts";
import { requireTruthOf } from "./truth-access.ts";

const models: Readonly<Record<string, string>> = { mine: "default", hers: "fraud" };

/** Prediction ids are `<model>-<number>`; of other models there are none. */
function partsThatCount(): { parts: { log: PredictionLog; registry: RegistryService }; searches: () => number } {
  let searches = 0;
  const log = {
    find: (id: string) => {
      searches++;
      const [model = ""] = id.split("-");
      return Promise.resolve(Object.hasOwn(models, model) ? ({ model } as Prediction) : null);
    },
  };
  const registry = { teamOf: (model: string) => models[model] ?? null };
  return { parts: { log, registry } as unknown as { log: PredictionLog; registry: RegistryService }, searches: () => searches };
}

const callerWith = (...grants: Grant[]): Caller => ({ actor: "key:key_1", name: "test", grants });
const truthOf = (...ids: string[]): TruthRecord[] => ids.map((predictionId) => ({ predictionId, row: 0, value: 1 }));

async function outcome(caller: Caller, ...ids: string[]): Promise<unknown> {
  const { parts, searches } = partsThatCount();
  try {
    await requireTruthOf(caller, truthOf(...ids), parts);
    return searches();
  } catch (error) {
    assert.ok(error instanceof AppError);
    return error.problems.length > 0 ? [error.code, ...error.problems.map(({ path }) => path)] : error.code;
  }
}

describe("requireTruthOf", () => {
  it("asks for no prediction of who is contributor of the whole server", async () => {
    assert.equal(await outcome(callerWith({ role: "contributor", team: "*" }), "hers-1", "none-1"), 0);
  });

  it("looks up each prediction of others once", async () => {
    const contributor = callerWith({ role: "contributor", team: "default" });
    assert.equal(await outcome(contributor, "mine-1", "mine-2", "mine-1"), 2);
    assert.equal(await outcome(callerWith({ role: "deployer", team: "*", models: ["mine"] }), "mine-1"), 1);
  });

  it("refuses all records for one that is hidden or missing, and names each", async () => {
    const contributor = callerWith({ role: "contributor", team: "default" });
    assert.deepEqual(await outcome(contributor, "mine-1", "hers-1", "mine-2", "none-1"), ["PREDICTION_NOT_FOUND", "records[1].predictionId", "records[3].predictionId"]);
    assert.deepEqual(await outcome(callerWith({ role: "viewer", team: "default" }), "mine-1"), "FORBIDDEN");
  });

  it("does not search for thousands that are not there", async () => {
    const { parts, searches } = partsThatCount();
    const records = truthOf(...Array.from({ length: 10_000 }, (_, index) => `none-${index}`));
    await assert.rejects(requireTruthOf(callerWith({ role: "contributor", team: "default" }), records, parts), (error) => error instanceof AppError && error.problems.length === 64);
    assert.ok(searches() < 100, `${searches()} searches`);
  });
});
