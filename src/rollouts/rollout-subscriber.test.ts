import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import type { RecordedEvent } from "../events/index.ts";
import { Policy } from "../registry/index.ts";
import type { RolloutRegistry } from "./rollout-parts.ts";
import type { RolloutService } from "./rollout-service.ts";
import { rolloutSubscriber } from "./rollout-subscriber.ts";

type StartOn = Policy["rollout"]["startOn"];

/** What the subscriber did at an event of a model whose plan starts on `startOn`. */
async function told(startOn: StartOn, event: Partial<RecordedEvent> & { type: string; payload: Record<string, unknown> }, refusal?: AppError): Promise<string[]> {
  const did: string[] = [];
  const note = (what: string) => async (...said: unknown[]): Promise<void> => void did.push(`${what} ${said.filter((one) => typeof one === "string").join(" ")}`);
  const rollouts = {
    start: async (model: string, { version }: { version: string }, _by: unknown, id: string) => {
      did.push(`start ${model} ${version} ${id}`);
      if (refusal !== undefined) throw refusal;
    },
    runEnded: note("run ended"), versionRemoved: note("removed"), championMoved: note("champion"),
  } as unknown as RolloutService;
  const registry = { policy: async () => ({ policy: Policy.parse({ rollout: { startOn } }) }), model: async () => ({ aliases: { champion: "5" } }) } as unknown as RolloutRegistry;
  const whole = { sequence: 1, id: "evt_1", object: "model:flights", team: "default", actor: "key:key_1", time: 1, ...event } as RecordedEvent;
  await rolloutSubscriber(rollouts, registry).handle(whole, { number: 1, signal: AbortSignal.timeout(60_000) });
  return did;
}

const ofVersion = { model: "flights", version: "2" };

describe("what starts and ends rollouts by itself", () => {
  it("starts one where the plan says so, once for each event", async () => {
    const started = ["start flights 2 rol_1"];
    assert.deepEqual(await told(["registered"], { type: "model.version.registered", payload: ofVersion }), started);
    assert.deepEqual(await told(["staging"], { type: "model.version.transitioned", payload: { ...ofVersion, after: "Staging" } }), started);
    assert.deepEqual(await told(["challenger"], { type: "model.alias.changed", payload: { ...ofVersion, alias: "challenger" } }), started);
    assert.deepEqual(await told(["evaluated better"], { type: "model.version.evaluated", payload: { ...ofVersion, verdicts: [{ role: "champion", verdict: "better" }] } }), started);
  });

  it("starts none for what the plan does not name, what is no news of the kind, and what a rollout itself does", async () => {
    assert.deepEqual(await told(["staging"], { type: "model.version.registered", payload: ofVersion }), []);
    assert.deepEqual(await told(["staging"], { type: "model.version.transitioned", payload: { ...ofVersion, after: "Archived" } }), []);
    assert.deepEqual(await told(["evaluated better"], { type: "model.version.evaluated", payload: { ...ofVersion, verdicts: [{ role: "baseline", verdict: "better" }, { role: "champion", verdict: "undecided" }] } }), []);
    assert.deepEqual(await told(["staging"], { type: "model.version.transitioned", actor: "rollouts", payload: { ...ofVersion, after: "Staging" } }), []);
    assert.deepEqual(await told(["challenger"], { type: "model.alias.changed", actor: "rollouts", payload: { ...ofVersion, alias: "challenger" } }), []);
  });

  it("takes a refusal for an answer, and tries again after anything else", async () => {
    const event = { type: "model.version.registered", payload: ofVersion };
    assert.equal((await told(["registered"], event, new AppError("ROLLOUT_UNDER_WAY", "one"))).length, 1);
    await assert.rejects(told(["registered"], event, new AppError("DATABASE_UNAVAILABLE", "away")), { code: "DATABASE_UNAVAILABLE" });
  });

  it("tells of champions that are so still, of removed versions and of runs that ended", async () => {
    assert.deepEqual(await told([], { type: "model.alias.changed", payload: { model: "flights", version: "5", alias: "champion" } }), ["champion flights 5"]);
    assert.deepEqual(await told([], { type: "model.alias.changed", payload: { model: "flights", version: "4", alias: "champion" } }), []);
    assert.deepEqual(await told([], { type: "model.version.deleted", payload: ofVersion }), ["removed flights 2"]);
    assert.deepEqual(await told([], { type: "workflow.run.cancelled", payload: { run: "wfr_1", workflow: "rollout", version: 1 } }), ["run ended wfr_1 its run was cancelled"]);
    assert.deepEqual(await told([], { type: "workflow.run.failed", payload: { run: "wfr_1", workflow: "other", version: 1 } }), []);
  });
});
