import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { z } from "zod";
import * as fields from "./request-fields.ts";

const shape = {
  run_id: fields.requiredText,
  value: fields.requiredDouble,
  step: fields.int64,
  status: fields.enumeration(["RUNNING", "SCHEDULED"]),
  deep: fields.boolean,
  tags: fields.list(fields.message({ key: fields.requiredText, value: fields.text })),
};
const Message = fields.withRunId(fields.message(shape));

function problems(schema: z.ZodType, value: unknown): string[] {
  return schema.safeParse(value).error?.issues.map(({ message }) => message) ?? [];
}

describe("request fields", () => {
  it("take what protobuf's JSON allows", () => {
    assert.deepEqual(Message.parse({ run_uuid: "r", value: "NaN", step: "12", status: 2, deep: "True", tags: null, other: 1 }), {
      run_id: "r", value: NaN, step: 12, status: "SCHEDULED", deep: true, tags: [],
    });
    assert.deepEqual(Message.parse({ run_id: "r", value: "-Infinity", step: null, tags: [{ key: "a" }] }), {
      run_id: "r", value: -Infinity, step: undefined, tags: [{ key: "a" }],
    });
    assert.equal((fields.requiredDouble.parse("1e-3")), 0.001);
  });

  it("say what is missing and what is wrong in the words of MLflow", () => {
    assert.deepEqual(problems(Message, {}), ["Missing value for required parameter 'run_id'.", "Missing value for required parameter 'value'."]);
    assert.deepEqual(problems(Message, { run_id: "", value: null }), ["Missing value for required parameter 'run_id'.", "Missing value for required parameter 'value'."]);
    assert.deepEqual(problems(Message, { run_id: 31, value: 1, step: "foo" }), ["Invalid value 31 for parameter 'run_id' supplied.", 'Invalid value "foo" for parameter \'step\' supplied.']);
    assert.deepEqual(problems(Message, { run_id: "r", value: 1, tags: "5" }), ['Invalid value "5" for parameter \'tags\' supplied.']);
    assert.deepEqual(problems(Message, { run_id: "r", value: 1, tags: [{ key: "a" }, {}] }), ["Missing value for required parameter 'tags[1].key'."]);
    assert.deepEqual(problems(Message, { run_id: "r", value: 1, status: "GONE" }), ['Invalid value "GONE" for parameter \'status\' supplied.']);
    assert.deepEqual(problems(Message, { run_id: "r", value: 1, step: 1.5 }), ["Invalid value 1.5 for parameter 'step' supplied."]);
    assert.deepEqual(problems(Message, { run_id: "r", value: 1, step: "99999999999999999999" }).length, 1);
    const asSent = (JSON as unknown as { rawJSON(text: string): object }).rawJSON("9.0");
    assert.deepEqual(problems(Message, { run_id: asSent, value: 1 }), ["Invalid value 9.0 for parameter 'run_id' supplied."]);
    // A body's objects have no prototype, and numbers beyond int64 come as such.
    for (const status of [asSent, Object.create(null) as object, [], true]) {
      assert.match(problems(Message, { run_id: "r", value: 1, status }).join(), /^Invalid value .+ for parameter 'status' supplied\.$/);
    }
    assert.deepEqual(problems(Message, 5), ["Invalid value 5 for parameter 'request' supplied."]);
  });

  it("read the lists of a query", () => {
    const Query = fields.queryMessage({ name: fields.requiredText, max_results: fields.int64, run_ids: fields.list(fields.requiredText) }, ["run_ids"]);
    assert.deepEqual(Query.parse({ name: ["a", "b"], max_results: ["5"], run_ids: ["x", "y"] }), { name: "a", max_results: 5, run_ids: ["x", "y"] });
    assert.deepEqual(problems(Query, {}), ["Missing value for required parameter 'name'."]);
  });
});
