import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RouteSettings } from "../../../../src/gateway/schemas.ts";
import { NewAbTest } from "../../../../src/rollouts/ab-tests/schemas.ts";
import { NewRouteAbTest } from "../../../../src/rollouts/gateway/schemas.ts";
import { blankTest, nextVariant, testProblems, testRequest, type TestForm, type VariantForm } from "./ab-test-form.ts";

const settings = RouteSettings.parse({ targets: [{ provider: "echo", model: "echo", weight: 3 }, { provider: "echo", model: "spare", priority: 1 }], systemPrompt: "Be kind." });
const route = (change: Partial<VariantForm>, part: Partial<TestForm> = {}): TestForm => {
  const form = blankTest(settings, []);
  return { ...form, ...part, variants: [{ ...form.variants[0]!, ...change }] };
};

describe("the form of an A/B test", () => {
  it("asks a route for what its server takes, whatever is tried", () => {
    const tried = (change: Partial<VariantForm>): unknown => {
      const request = NewRouteAbTest.parse(testRequest(route(change), settings));
      const { name: _, ...variant } = request.variants[0]!;
      return variant;
    };
    assert.deepEqual(tried({ prompt: "Be brief.", percent: "10" }), { percent: 10, change: { systemPrompt: "Be brief." } });
    assert.deepEqual(tried({ prompt: " " }), { change: { systemPrompt: null } });
    assert.deepEqual(tried({ tried: "revision", revision: "3" }), { revision: 3 });
    assert.deepEqual(tried({ tried: "json", json: '{"repair": 2}' }), { change: { repair: 2 } });
    assert.deepEqual(tried({ tried: "model", model: "small " }), { change: { targets: [{ ...settings.targets[0], model: "small" }, settings.targets[1]] } }, "fallbacks stay");
  });

  it("asks a model for versions", () => {
    const form = { ...blankTest(null, ["3", "2"]), metric: "reported", metricName: "clicks ", effect: "0.1", maxDays: "7", keyHeader: "X-User" };
    const second = nextVariant(form.variants, null, ["3", "2"]);
    assert.deepEqual([form.variants[0]!.name, second.name, second.version], ["b", "c", "2"]);
    const request = NewAbTest.parse(testRequest({ ...form, variants: [...form.variants, second] }, null));
    assert.deepEqual(request.variants, [{ name: "b", version: "3" }, { name: "c", version: "2" }]);
    assert.deepEqual([request.metric, request.direction, request.effect, request.maxDays, request.keyHeader], ["clicks", "up", 0.1, 7, "x-user"]);
  });

  it("says what is wrong by its field", () => {
    assert.deepEqual(testProblems(route({ prompt: "Be brief." }), settings), {});
    assert.deepEqual(Object.keys(testProblems(route({}), settings)), ["variants.0.tried"], "the prompt that the route has is no test");
    assert.deepEqual(Object.keys(testProblems(route({ tried: "model" }), settings)), ["variants.0.tried"]);
    assert.match(testProblems(route({ tried: "json", json: "{" }), settings)["variants.0.tried"]!, /not JSON/);
    assert.match(testProblems(route({ tried: "json", json: "{}" }), settings)["variants.0.tried"]!, /what is different/);
    const wrong = route({ prompt: "x", name: "control", percent: "120" }, { metric: "score", effect: "0", maxDays: "", keyHeader: "two words" });
    assert.deepEqual(Object.keys(testProblems(wrong, settings)).sort(), ["effect", "keyHeader", "maxDays", "metricName", "variants.0.name", "variants.0.percent"]);
    const two = blankTest(null, ["2"]);
    assert.deepEqual(Object.keys(testProblems({ ...two, variants: [{ ...two.variants[0]!, percent: "60" }, { ...two.variants[0]!, percent: "60" }] }, null)).sort(), [
      "variants.0.name", "variants.0.percent", "variants.0.version", "variants.1.name", "variants.1.percent", "variants.1.version",
    ]);
  });
});
