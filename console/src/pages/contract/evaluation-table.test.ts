import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { evaluationTable } from "./evaluation-table.ts";

describe("evaluationTable", () => {
  it("puts each rival's metric beside the model's own", () => {
    const table = evaluationTable({ rows: 100, auc: 0.77, origin_hour_auc: 0.66, baseline_auc: 0.5, log_loss: 0.4, baseline_log_loss: 0.48 });
    assert.deepEqual(table.rivals, ["baseline", "origin_hour"]);
    assert.deepEqual(table.rows, [
      { metric: "auc", value: 0.77, rivals: [0.5, 0.66] },
      { metric: "log_loss", value: 0.4, rivals: [0.48, undefined] },
      { metric: "rows", value: 100, rivals: [undefined, undefined] },
    ]);
  });

  it("shows every number once, whatever the names", () => {
    const evaluation = { loss: 1, log_loss: 2, baseline_log_loss: 3, baseline_loss: 4 };
    const { rows } = evaluationTable(evaluation);
    const shown = rows.flatMap((row) => [row.value, ...row.rivals.filter((value) => value !== undefined)]);
    assert.deepEqual(shown.sort(), [1, 2, 3, 4]);
  });
});
