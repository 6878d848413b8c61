import { describe, it } from "node:test";
import { traceRetentionScenario } from "../kit/trace-retention.ts";

describe("traces past traceRetentionDays", () => {
  it("are removed by the maintenance with their feedback; what they cost, and rows of datasets that were made of them, stay", () => traceRetentionScenario());
});
