import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chiSquareCdf, chiSquareQuantile } from "./chi-square.ts";
import { populationStabilityIndex } from "./psi.ts";

const near = (actual: number | null, expected: number, tolerance = 1e-9): void => assert.ok(Math.abs(actual! - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

describe("populationStabilityIndex", () => {
  // scipy: sum((c-r)*log(c/r)) over shares .5 .3 .2 and .43 .31 .26
  it("equals the definition", () => near(populationStabilityIndex([500, 300, 200], [430, 310, 260]), 0.02662735637770023));
  it("is zero for equal shares of different sizes", () => near(populationStabilityIndex([10, 20, 30], [100, 200, 300]), 0));
  it("stays finite when a bucket is empty", () => near(populationStabilityIndex([50, 50], [100, 0]), 0.5 * Math.log(2) + (0.5 - 1e-6) * Math.log(0.5 / 1e-6), 1e-9));
});

describe("chiSquareQuantile", () => {
  // scipy.stats.chi2.ppf and cdf
  it("equals scipy", () => {
    near(chiSquareQuantile(0.95, 9), 16.918977604620448);
    near(chiSquareQuantile(0.95, 1), 3.841458820694124);
    near(chiSquareQuantile(0.95, 200), 233.99426889232492);
    near(chiSquareCdf(3, 4), 0.44217459962892536);
    near(chiSquareCdf(40, 12), 0.9999280911594716);
  });
});
