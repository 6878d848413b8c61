import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import { Policy, type PolicyRevision, type RegistryService, type Signature } from "../registry/index.ts";
import { assertPolicyFits } from "./policy-fit.ts";

function signature(input: string): Signature {
  return {
    inputs: [{ name: input, datatype: "FP32", shape: [-1, 2], columns: ["a", "b"], missingAllowed: false }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1, 1], missingAllowed: false }], batchable: true,
  };
}

const models: Record<string, { team: string; champion?: string; signature?: Signature }> = {
  m: { team: "red", champion: "1", signature: signature("x") }, twin: { team: "red", champion: "1", signature: signature("x") }, idle: { team: "red" },
  unlike: { team: "red", champion: "1", signature: signature("z") }, foreign: { team: "blue", champion: "1", signature: signature("x") },
};

const registry = {
  teamOf: (name: string) => Promise.resolve(models[name]?.team ?? null),
  model: (name: string) => {
    const found = models[name];
    if (found === undefined) return Promise.reject(new AppError("MODEL_NOT_FOUND", "none"));
    return Promise.resolve({ aliases: found.champion === undefined ? {} : { champion: found.champion }, latestVersion: found.champion ?? null });
  },
  versions: (name: string) => Promise.resolve(models[name]!.signature === undefined ? [] : [{ version: "1", contract: { signature: models[name]!.signature } }]),
  version: (name: string) => Promise.resolve({ version: "1", contract: { signature: models[name]!.signature } }),
} as unknown as RegistryService;

function check(policy: object, model = "m"): Promise<void> {
  const revision: PolicyRevision = { model, revision: 1, author: "somebody", changedAt: 1, reason: "a test", policy: Policy.parse(policy) };
  return assertPolicyFits(revision, registry);
}

describe("a policy", () => {
  it("is taken when its names and values are those of the model", async () => {
    await check({ fallback: { model: "twin", answer: { y: [0.5] } }, log: { redact: ["a"] } });
    await check({ fallback: { model: "twin", answer: { whatever: [1] } }, log: { redact: ["whatever"] } }, "idle");
  });

  it("is refused with everything that does not fit", async () => {
    const refused = (policy: object, ...messages: RegExp[]): Promise<void> =>
      assert.rejects(check(policy), ({ code, problems }: AppError) => {
        assert.equal(code, "POLICY_INVALID");
        assert.equal(problems.length, messages.length);
        messages.forEach((message, index) => assert.match(`${problems[index]!.path}: ${problems[index]!.message}`, message));
        return true;
      });
    await refused({ log: { redact: ["c"] }, fallback: { answer: { y: ["no"] } } }, /^policy\.log\.redact: .*"c"/, /^policy\.fallback\.answer\.y\[0\]: "no" is no value of FP32/);
    await refused({ fallback: { model: "m" } }, /its own fallback/);
    await refused({ fallback: { model: "idle" } }, /no champion/);
    await refused({ fallback: { model: "unlike" } }, /not the inputs and outputs of m: z FP32/);
    // Another team's is not told from one that is not there.
    for (const model of ["foreign", "none"]) await refused({ fallback: { model } }, new RegExp(`no model named "${model}" in the team`));
  });
});
