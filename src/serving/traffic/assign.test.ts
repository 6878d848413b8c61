import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { Signature } from "../../registry/index.ts";
import { testSeed } from "../../../test/kit/seed.ts";
import { assign, assignmentTable, type AssignableRequest } from "./assign.ts";
import { KeyFraction } from "./key-fraction.ts";
import { trafficRoute } from "./traffic-route.fixture.ts";

const signature: Signature = {
  inputs: [
    { name: "x", datatype: "FP32", shape: [-1, 2], columns: ["amount", "customer"], missingAllowed: false },
    { name: "account", datatype: "BYTES", shape: [-1, 1], missingAllowed: false },
  ],
  outputs: [], batchable: true,
};
const seed = testSeed;

function request(headers: Record<string, string | string[]> = {}, more: Partial<AssignableRequest> = {}): AssignableRequest {
  return { inputs: [], routingKey: undefined, connection: { headers }, ...more };
}

/** Upper tail of a chi-square of many degrees of freedom, as a standard normal deviate (Wilson and Hilferty). */
function chiSquareDeviate(statistic: number, freedom: number): number {
  return (Math.cbrt(statistic / freedom) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
}

describe("KeyFraction", () => {
  it("is what it always was, for every process and release", () => {
    const vectors: [salt: string, key: string, fraction: number][] = [
      ["", "", 0.055720403544072594],
      ["a", "", 0.9518791842228018],
      ["", "a", 0.1544500907982831],
      ["salt", "user-1", 0.3890709709643345],
      ["salt", "user-2", 0.3666187393894148],
      ["rol_01ktz0000000000000000000ab", "anna@example.com", 0.3835113813637423],
      ["ab", "c", 0.19279298165571213],
      ["a", "bc", 0.1689579074463654],
      ["salt", "😀 ü", 0.07278496936099244],
    ];
    for (const [salt, key, fraction] of vectors) assert.equal(new KeyFraction(salt).of(key), fraction, `${salt} ${key}`);
  });

  it("spreads keys evenly, also those that are alike", () => {
    const kinds: ((index: number) => string)[] = [(index) => String(index), (index) => `user-${index}`, (index) => `${index}@example.com`, (index) => "x".repeat(index % 500) + String(index >> 3)];
    for (const key of kinds) {
      for (const salt of ["", "a", "rol_01ktz0000000000000000000ab"]) {
        const fractions = new KeyFraction(salt);
        const cells = new Float64Array(256);
        const count = 50_000;
        for (let index = 0; index < count; index++) cells[Math.floor(fractions.of(key(index)) * 256)]!++;
        const expected = count / 256;
        const statistic = cells.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
        // Nothing here is drawn: these are the same numbers in every run.
        assert.ok(chiSquareDeviate(statistic, 255) < 3.5, `${key(1)} ${salt}: ${statistic}`);
      }
    }
  });

  it("assigns by one salt independently of another", () => {
    for (const [left, right] of [["a", "b"], ["rollout-1", "rollout-2"], ["", "\u0001"], ["ab", "a"]] as const) {
      const [one, other] = [new KeyFraction(left), new KeyFraction(right)];
      const cells = new Float64Array(256);
      const count = 50_000;
      for (let index = 0; index < count; index++) cells[Math.floor(one.of(`user-${index}`) * 16) * 16 + Math.floor(other.of(`user-${index}`) * 16)]!++;
      const rows = Array.from({ length: 16 }, (_, row) => cells.subarray(row * 16, row * 16 + 16).reduce((sum, seen) => sum + seen, 0));
      const columns = Array.from({ length: 16 }, (_, column) => rows.reduce((sum, _row, row) => sum + cells[row * 16 + column]!, 0));
      let statistic = 0;
      for (let cell = 0; cell < 256; cell++) {
        const expected = (rows[cell >> 4]! * columns[cell & 15]!) / count;
        statistic += (cells[cell]! - expected) ** 2 / expected;
      }
      assert.ok(chiSquareDeviate(statistic, 225) < 3.5, `${left} ${right}: ${statistic}`);
    }
  });

  it("answers from 0 to below 1", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (salt, key) => {
      const fraction = new KeyFraction(salt).of(key);
      assert.ok(fraction >= 0 && fraction < 1);
      assert.equal(new KeyFraction(salt).of(key), fraction);
    }), { seed });
  });
});

describe("assign", () => {
  it("takes nobody back when a share grows", () => {
    fc.assert(fc.property(fc.string(), fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 50 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (salt, keys, one, other) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)];
      const table = (to: number) => assignmentTable(trafficRoute({ salt, arms: [{ name: "candidate", version: "2", from: 0, to }] }), signature);
      for (const key of keys) {
        const before = assign(table(less), request({ "slipway-key": key }), "prd_1");
        const after = assign(table(more), request({ "slipway-key": key }), "prd_2");
        if (before.arm !== null) assert.equal(after.arm?.name, "candidate");
        assert.equal(after.fraction, before.fraction);
      }
      assert.equal(assign(table(1), request({ "slipway-key": keys[0]! }), "prd_1").arm?.name, "candidate");
      assert.equal(assign(table(0), request({ "slipway-key": keys[0]! }), "prd_1").arm, null);
    }), { seed });
  });

  it("goes by the first rule that holds, whatever the key", () => {
    const rules = [
      { header: "x-beta", equals: "no", arm: "stable" }, { header: "x-beta", equals: null, arm: "candidate" }, { header: "x-lost", equals: null, arm: "gone" },
    ];
    const table = assignmentTable(trafficRoute({ rules, arms: [{ name: "candidate", version: "2", from: 0, to: 0.5 }] }), signature);
    for (let index = 0; index < 20; index++) {
      const key = { "slipway-key": String(index) };
      assert.deepEqual(assign(table, request({ ...key, "x-beta": "no" }), "prd_1"), { arm: null, by: "rule", fraction: null });
      assert.equal(assign(table, request({ ...key, "x-beta": ["yes", "no"] }), "prd_1").arm?.version, "2");
      assert.deepEqual(assign(table, request({ ...key, "x-lost": "1" }), "prd_1"), assign(table, request(key), "prd_1"));
    }
  });

  it("takes the key from the body, the header, an input or a column, and draws where there is none", () => {
    const inputs: AssignableRequest["inputs"] = [
      { name: "x", datatype: "FP32", shape: [2, 2], data: Float32Array.of(1, 7, 2, 8) }, { name: "account", datatype: "BYTES", shape: [2, 1], data: ["anna", "bert"] },
    ];
    const table = (input: string | null) => assignmentTable(trafficRoute({ key: { header: "x-user", input } }), signature);
    const fraction = (key: string): number => new KeyFraction(trafficRoute().salt).of(key);
    assert.deepEqual(assign(table("account"), request({ "x-user": "h" }, { routingKey: "b", inputs }), "prd_1"), { arm: null, by: "key", fraction: fraction("b") });
    assert.equal(assign(table("account"), request({ "x-user": "h" }, { inputs }), "prd_1").fraction, fraction("h"));
    assert.equal(assign(table("account"), request({ "x-user": "" }, { inputs }), "prd_1").fraction, fraction("anna"));
    assert.equal(assign(table("customer"), request({}, { inputs }), "prd_1").fraction, fraction("7"));
    for (const input of [null, "nowhere"]) assert.deepEqual(assign(table(input), request({}, { inputs }), "prd_1"), { arm: null, by: "draw", fraction: fraction("prd_1") });
  });
});
