import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { elementCount, Datatype } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { hostileInputs, probeWithHostileInputs } from "./hostile-inputs.ts";

const signature: Signature = {
  inputs: Datatype.options.map((datatype) => ({ name: datatype, datatype, shape: [-1, 3], missingAllowed: false })), outputs: [], batchable: true,
};

describe("hostile inputs", () => {
  it("have the datatypes and the sizes of the signature", () => {
    for (const { inputs, what } of hostileInputs(signature)) {
      assert.deepEqual(inputs.map(({ datatype }) => datatype), Datatype.options);
      for (const { data, shape, name } of inputs) assert.equal(data.length, elementCount(shape), `${what}: ${name}`);
    }
  });

  it("are survived by a model that refuses them, and not by one that falls", async () => {
    assert.deepEqual(await probeWithHostileInputs(signature, () => Promise.reject(new AppError("MODEL_RUN_FAILED", "no"))), []);
    let asked = 0;
    const problems = await probeWithHostileInputs(signature, () => (++asked === 2 ? Promise.reject(new AppError("RUNNER_CRASHED", "dead")) : Promise.resolve()));
    assert.deepEqual(problems, ["the largest numbers and long texts: RUNNER_CRASHED"]);
    assert.equal(asked, hostileInputs(signature).length);
  });
});
