import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../../core/clock.ts";
import type { ErrorCode } from "../../core/error-catalogue.ts";
import { AppError } from "../../core/errors.ts";
import type { CallEnding } from "./call-ending.ts";
import type { CallRecord } from "./call-record.ts";
import { RefusedCalls } from "./refused-calls.ts";

const target = { provider: "openai", model: "gpt-4o" };
const hour = 3_600_000;
const record = ({ team = "blue", route = "chat", startedAt = 0, ...more }: Partial<Omit<CallRecord, "attribution" | "startedAt">> & { team?: string; route?: string; startedAt?: number } = {}): CallRecord =>
  ({ attribution: { team, route }, attempts: [], target: null, startedAt, ...more }) as unknown as CallRecord;
const failed = (code: ErrorCode = "BUDGET_EXCEEDED"): Pick<CallEnding, "outcome" | "error"> => ({ outcome: "failed", error: new AppError(code, "No.") });
const everything = (): boolean => true;

describe("RefusedCalls", () => {
  it("counts calls that ended before any provider was asked, by route and error, the most first", () => {
    const refused = new RefusedCalls();
    refused.ended(record(), failed("RATE_LIMITED"));
    for (let index = 0; index < 3; index++) refused.ended(record(), failed());
    refused.ended(record({ route: "other-route" }), failed());
    refused.ended(record({ route: "other-route" }), failed());
    assert.deepEqual(refused.lately(everything, epochMs(0)), [
      { team: "blue", route: "chat", reason: "BUDGET_EXCEEDED", calls: 3 }, { team: "blue", route: "other-route", reason: "BUDGET_EXCEEDED", calls: 2 }, { team: "blue", route: "chat", reason: "RATE_LIMITED", calls: 1 },
    ]);
    assert.deepEqual(refused.family(everything).samples[0], { labels: { team: "blue", route: "chat", reason: "RATE_LIMITED" }, value: 1 });
  });

  it("leaves what the ledger has to it: attempts that failed, answers, and callers who left", () => {
    const refused = new RefusedCalls();
    refused.ended(record({ attempts: [target] as unknown as CallRecord["attempts"] }), failed());
    refused.ended(record({ target }), failed());
    refused.ended(record(), { outcome: "cancelled", error: new AppError("CALLER_GONE", "Gone.") });
    refused.ended(record({ target }), { outcome: "ok", error: null });
    assert.deepEqual([refused.lately(everything, epochMs(0)), refused.family(everything).samples], [[], []]);
  });

  it("shows a day by hours, and all since the start to the counter", () => {
    const refused = new RefusedCalls();
    for (const startedAt of [0, 23 * hour, 24 * hour - 1]) refused.ended(record({ startedAt }), failed());
    const callsAt = (now: number): number | undefined => refused.lately(everything, epochMs(now))[0]?.calls;
    assert.deepEqual([callsAt(24 * hour - 1), callsAt(24 * hour), callsAt(46 * hour), callsAt(47 * hour)], [3, 2, 2, undefined]);
    // Hours that are over are not kept, however long it runs.
    for (let each = 24; each < 2000; each++) refused.ended(record({ startedAt: each * hour }), failed());
    assert.deepEqual([callsAt(1999 * hour), refused.family(everything).samples[0]!.value], [24, 1979]);
  });

  it("keeps its series few, whatever names callers and teams choose", () => {
    const refused = new RefusedCalls();
    for (let index = 0; index < 3000; index++) refused.ended(record({ route: `openai/m${index}` }), failed("PROVIDER_UNAVAILABLE"));
    assert.deepEqual(refused.lately(everything, epochMs(0)), [{ team: "blue", route: "other", reason: "PROVIDER_UNAVAILABLE", calls: 3000 }]);
    for (let index = 0; index < 3000; index++) refused.ended(record({ route: `route-${index}` }), failed());
    const { samples } = refused.family(everything);
    assert.deepEqual([samples.length, samples.reduce((sum, { value }) => sum + value, 0)], [501, 6000]);
  });

  it("counts names that stand for nothing on one route, whatever they are and though a route has the name", () => {
    const refused = new RefusedCalls();
    refused.ended(record(), failed());
    for (let each = 0; each < 3; each++) refused.missed("blue", new AppError("ROUTE_NOT_FOUND", `There is no route named "m${each}".`), epochMs(each * hour));
    assert.deepEqual(refused.lately(everything, epochMs(24 * hour)), [{ team: "blue", route: "other", reason: "ROUTE_NOT_FOUND", calls: 2 }]);
    assert.deepEqual(refused.family(everything).samples.map(({ labels, value }) => [labels.route, value]), [["chat", 1], ["other", 3]]);
  });

  it("shows calls to those who see their team", () => {
    const refused = new RefusedCalls();
    refused.ended(record(), failed());
    refused.ended(record({ team: "red" }), failed());
    const sees = (team: string): boolean => team === "red";
    assert.deepEqual([refused.lately(sees, epochMs(0)).map(({ team }) => team), refused.family(sees).samples.map(({ labels }) => labels.team)], [["red"], ["red"]]);
  });
});
