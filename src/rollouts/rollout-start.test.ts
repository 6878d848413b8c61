import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import { Policy, RolloutPlan, type Contract, type ModelVersion } from "../registry/index.ts";
import { contractOf } from "../registry/registry-addition.fixture.ts";
import type { RolloutRegistry } from "./rollout-parts.ts";
import { signatureDifferences, startableRollout } from "./rollout-start.ts";
import { NewRollout } from "./schemas.ts";

type Change = (contract: Contract) => Contract;
const same: Change = (contract) => contract;

function versionOf(version: string, change: Change = same): ModelVersion {
  return { model: "flights", version, contract: change(contractOf("flights", version, null)) } as ModelVersion;
}

function registryOf(aliases: Record<string, string>, changes: Record<string, Change> = {}): RolloutRegistry {
  return {
    model: async () => ({ name: "flights", team: "default", aliases, latestVersion: "3" }),
    version: async (_: string, version: string) => versionOf(version, changes[version]),
    policy: async () => ({ policy: Policy.parse({ rollout: { alpha: 0.01 } }) }),
  } as unknown as RolloutRegistry;
}

const asked = (request: Partial<NewRollout> = {}) => NewRollout.parse(request);
const impossible = (words: RegExp) => (error: unknown) => error instanceof AppError && error.code === "ROLLOUT_IMPOSSIBLE" && words.test(error.message);

describe("the start of a rollout", () => {
  it("takes the newest version and the plan of the policy", async () => {
    const { stable, candidate, plan } = await startableRollout(registryOf({ champion: "1" }), "flights", asked());
    assert.deepEqual([stable, candidate, plan.alpha], ["1", "3", 0.01]);
    const given = RolloutPlan.parse({ alpha: 0.1 });
    assert.deepEqual((await startableRollout(registryOf({ champion: "1" }), "flights", asked({ version: "2", plan: given }))).plan, given);
  });

  it("gives the canary another share, and no later phase a smaller one", async () => {
    const weights = async (canary: number): Promise<number[]> => (await startableRollout(registryOf({ champion: "1" }), "flights", asked({ canary }))).plan.phases.map(({ weight }) => weight);
    assert.deepEqual(await weights(10), [0, 0.1, 0.25, 1]);
    assert.deepEqual(await weights(50), [0, 0.5, 0.5, 1]);
    const plan = RolloutPlan.parse({ phases: [{ phase: "full", weight: 1 }] });
    await assert.rejects(startableRollout(registryOf({ champion: "1" }), "flights", asked({ canary: 10, plan })), impossible(/no canary phase/));
  });

  it("is refused with what to do", async () => {
    await assert.rejects(startableRollout(registryOf({}), "flights", asked()), impossible(/no champion .*`slipway activate flights 3`/));
    await assert.rejects(startableRollout(registryOf({ champion: "3" }), "flights", asked()), impossible(/Version 3 is the champion/));
    const nothing: Change = (contract) => ({ ...contract, runtime: { ...contract.runtime, kind: "none" } });
    await assert.rejects(startableRollout(registryOf({ champion: "1" }, { 3: nothing }), "flights", asked()), (error: unknown) => error instanceof AppError && error.code === "VERSION_NOT_RUNNABLE");
    const wider: Change = (contract) => ({ ...contract, signature: { ...contract.signature, inputs: [{ ...contract.signature.inputs[0]!, shape: [-1, 3] }] } });
    await assert.rejects(startableRollout(registryOf({ champion: "1" }, { 3: wider }), "flights", asked()), impossible(/its input features is FP32\[-1, 3\] and not FP32\[-1, 2\]/));
  });

  it("names every difference of two signatures in words", () => {
    const other = versionOf("2", (contract) => ({
      ...contract,
      signature: { ...contract.signature, inputs: [], outputs: [{ ...contract.signature.outputs[0]!, datatype: "FP64" }, { name: "label", datatype: "INT64", shape: [-1], missingAllowed: false }] },
    }));
    assert.deepEqual(signatureDifferences(versionOf("1"), other), ["it has no input features", "its output probability is FP64[-1, 1] and not FP32[-1, 1]", "it has another output, label"]);
    assert.deepEqual(signatureDifferences(versionOf("1"), versionOf("2")), []);
  });
});
