import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { z } from "zod";
import { metricList, metricShape } from "./metric-list.ts";
import { list, message } from "./request-fields.ts";

const quick = z.object({ metrics: metricList });
const slow = z.object({ metrics: list(message(metricShape)) });

/** What is absent and what is undefined mean the same. */
function read(schema: z.ZodType, sent: unknown): unknown {
  const { success, data, error } = schema.safeParse(sent);
  if (success) return JSON.parse(JSON.stringify(data, (_, value: unknown) => (typeof value === "number" ? (Number.isFinite(value) ? (Object.is(value, -0) ? 0 : value) : String(value)) : value)));
  return error.issues.map(({ path, message: text }) => ({ path, text }));
}

describe("the list of metrics in a batch", () => {
  it("is read as its schema reads it, and refused in the same words", () => {
    const odd = fc.constantFrom<unknown>(undefined, null, "", "text", "12", "-3", "NaN", "1e5", 1.5, -0, 1e300, Infinity, NaN, 2 ** 53, true, [], {});
    const field = (usual: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.oneof({ weight: 10, arbitrary: usual }, { weight: 1, arbitrary: odd });
    const metric = fc.record(
      {
        key: field(fc.string({ minLength: 1 })), value: field(fc.double({ noNaN: true, noDefaultInfinity: true })), timestamp: field(fc.maxSafeInteger()), step: field(fc.integer()),
        model_id: field(fc.string()), dataset_name: field(fc.string()), dataset_digest: field(fc.string()), other: fc.anything(),
      },
      { requiredKeys: ["key", "value", "timestamp"] },
    );
    const metrics = fc.oneof({ weight: 9, arbitrary: fc.array(field(metric), { maxLength: 4 }) }, { weight: 1, arbitrary: odd });
    fc.assert(fc.property(metrics, (sent) => assert.deepEqual(read(quick, { metrics: sent }), read(slow, { metrics: sent }))), { numRuns: 2000 });
    assert.deepEqual(read(quick, {}), { metrics: [] });
  });

  it("names the place of what is wrong", () => {
    const good = { key: "a", value: 1, timestamp: 2 };
    assert.deepEqual(read(quick, { metrics: [good, { ...good, key: "" }] }), [{ path: ["metrics", 1, "key"], text: "Missing value for required parameter 'metrics[1].key'." }]);
  });

  it("is described to callers as its schema is", () => {
    const described = (schema: z.ZodType): unknown => z.toJSONSchema(schema, { io: "input" });
    assert.deepEqual(described(quick), described(slow));
  });
});
