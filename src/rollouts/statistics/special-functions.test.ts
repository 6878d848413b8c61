import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { near } from "./near.fixture.ts";
import { chiSquareUpper, crossing, logAdd, logBeta, logBetaUpper, logGamma, normalUpperQuantile, upperGamma } from "./special-functions.ts";

describe("special functions", () => {
  it("are those of scipy.special: gammaln, betaln, gammaincc", () => {
    const logGammas: [number, number][] = [[0.1, 2.252712651734206], [0.5, 0.5723649429247], [9.9, 12.57717990421988], [10, 12.801827480081469], [123.4, 469.3360974421906], [1e6, 12815504.569147611]];
    for (const [x, value] of logGammas) near(logGamma(x), value, 1e-13);
    near(logGamma(1), 0, 0.1);
    near(logBeta(2.5, 1000), logGamma(2.5) + logGamma(1000) - logGamma(1002.5));
    const upperGammas: [number, number, number][] = [
      [0.5, 0.1, 0.6547208460185768], [0.5, 3, 0.014305878435429641], [1, 30, 9.357622968840163e-14], [5, 2, 0.9473469826562889],
      [5, 80, 3.2402154044224763e-29], [50, 40, 0.9296649333406051], [50, 70, 0.0051405024585059085],
    ];
    for (const [a, x, value] of upperGammas) near(upperGamma(a, x), value, 1e-12);
    assert.equal(upperGamma(3, 0), 1);
    assert.equal(chiSquareUpper(4, 0), 1);
  });

  it("are those of scipy.stats: norm.isf, beta.logsf", () => {
    const quantiles: [number, number][] = [[0.2, 0.8416212335729142], [0.8, -0.8416212335729142], [0.05, 1.6448536269514729], [0.025, 1.9599639845400545], [0.001, 3.090232306167813], [1e-10, 6.361340902404056]];
    for (const [p, z] of quantiles) near(normalUpperQuantile(p), z, 1e-12);
    const tails: [number, number, number, number][] = [
      [0.05, 1, 1, -0.051293294387550536], [0.05, 3, 1, -0.00012500781315110274], [0.05, 20, 400, -0.9565229036806557], [0.05, 40, 400, -0.0002304124646587942],
      [0.05, 2, 3000, -148.8626033258367], [0.5, 300, 100, -6.448092979830701e-25], [0.5, 1000, 3000, -527.7658887629972], [0.05, 101, 19, -1.4608040438662208e-111],
    ];
    for (const [x, a, b, value] of tails) near(logBetaUpper(x, a, b), value, 1e-9);
  });

  it("add logarithms that have no exponential", () => {
    near(logAdd(-2000, -2000), -2000 + Math.LN2, 1e-15);
    assert.equal(logAdd(5000, -Infinity), 5000);
    assert.equal(logAdd(-Infinity, -Infinity), -Infinity);
  });

  it("find where a falling or a rising function changes its sign", () => {
    near(crossing((x) => x * x - 2, 0, 2), Math.SQRT2, 1e-15);
    near(crossing((x) => 2 - x * x, 0, 2), Math.SQRT2, 1e-15);
  });
});
