import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CostGrouping } from "./schemas.ts";

describe("what costs can be grouped by", () => {
  it("is named where something else was asked for", () => {
    for (const word of ["team", "agentRun", "tag:feature"]) assert.equal(CostGrouping.parse(word), word);
    for (const word of ["colour", "tag:", "Team"]) assert.match(CostGrouping.safeParse(word).error!.issues[0]!.message, /^must be one of hour, day, team, .*agentRun, trace, or tag:NAME$/, word);
  });
});
