import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loggedColumns, loggedRows } from "./logged-schema.ts";

describe("what clients log of a dataset", () => {
  it("has the columns of a table, and none of what is none", () => {
    const schema = JSON.stringify({ mlflow_colspec: [{ type: "long", name: "a", required: true }, { type: "string", name: "b" }, { type: "double" }, null] });
    assert.deepEqual(loggedColumns(schema), [{ name: "a", type: "long" }, { name: "b", type: "string" }]);
    for (const other of [null, "", "no JSON", "7", "null", '{"mlflow_tensorspec":[]}', '{"mlflow_colspec":7}']) assert.deepEqual(loggedColumns(other), [], String(other));
  });

  it("has the rows that its client counted", () => {
    assert.equal(loggedRows('{"num_rows":150,"num_elements":600}'), 150);
    for (const other of [null, "{", "{}", '{"num_rows":"many"}']) assert.equal(loggedRows(other), null);
  });
});
