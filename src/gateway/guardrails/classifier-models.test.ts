import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { anonymousCaller, localCaller } from "../../core/caller.ts";
import { AppError } from "../../core/errors.ts";
import { GuardrailSettings } from "../schemas.ts";
import { ClassifierModels } from "./classifier-models.ts";

const text = { name: "text", datatype: "BYTES", shape: [-1] };
const signatures: Record<string, { inputs: (typeof text)[]; outputs: [] }> = { toxic: { inputs: [text], outputs: [] }, pair: { inputs: [text, text], outputs: [] }, numbers: { inputs: [{ ...text, datatype: "FP32" }], outputs: [] } };
const models = new ClassifierModels({
  names: () => [...Object.keys(signatures), "unloaded"],
  signature: (model) => {
    if (model === "unloaded") throw new AppError("VERSION_NOT_READY", "not loaded");
    const found = signatures[model];
    if (found === undefined) throw new AppError("MODEL_NOT_FOUND", "none");
    return found;
  },
  sees: (caller) => caller === localCaller,
});
const guard = (model: string): GuardrailSettings => GuardrailSettings.parse({ kind: "classifier", name: "polite", model, blockLabels: ["bad"] });

describe("models of classifier guardrails", () => {
  it("are refused where they cannot be asked, with those that can", () => {
    assert.deepEqual(models.problems([{ kind: "max-cost", dollars: 1 }, guard("toxic")], [], localCaller), []);
    for (const [model, why] of [["gone", "which is no model that is served here"], ["pair", "which does not take one text"], ["numbers", "which does not take one text"], ["unloaded", "which has no version that is loaded on this server"]] as const) {
      const message = `names ${model}, ${why}: every call would fail. Models here that take one text: toxic`;
      assert.deepEqual(models.problems([{ kind: "max-cost", dollars: 1 }, guard(model)], [], localCaller), [{ path: "settings.guardrails[1].model", message }]);
    }
  });

  it("of others are as good as not there, unless the route has them already", () => {
    const [problem] = models.problems([guard("toxic")], [], anonymousCaller);
    assert.equal(problem!.message, "names toxic, which is no model that is served here: every call would fail. No model here takes one text: deploy one first");
    assert.deepEqual(models.problems([guard("toxic")], [guard("toxic")], anonymousCaller), []);
  });

  it("that have gone since are told for each route", () => {
    const told = models.troubles([{ name: "chat", settings: { guardrails: [guard("toxic"), guard("gone")] } }]);
    assert.deepEqual(told.map(({ route, guardrail, model }) => [route, guardrail, model]), [["chat", "polite", "gone"]]);
  });
});
