import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { normalQuantile, studentQuantile } from "./quantiles.ts";

const near = (actual: number, expected: number, relative: number): void => assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual}, not ${expected}`);

describe("quantiles", () => {
  it("of the normal distribution are those of scipy.stats.norm.ppf", () => {
    assert.equal(normalQuantile(0.5), 0);
    const expected: [number, number][] = [[0.75, 0.6744897501960817], [0.9, 1.2815515655446004], [0.975, 1.959963984540054], [0.995, 2.5758293035489004], [0.99995, 3.8905918864131204]];
    for (const [p, x] of expected) near(normalQuantile(p), x, 1e-12);
  });

  it("of Student's distribution are those of scipy.stats.t.ppf, on both sides of the change of formulas", () => {
    const degrees = [1, 2, 3, 10, 29, 100, 999, 1000, 1001, 5000, 1_000_000];
    const expected: [number, number[]][] = [
      [0.75, [1.0000000000000002, 0.8164965809277261, 0.7648923284043444, 0.6998120613124317, 0.6830438608216131, 0.6769510430114717, 0.6747354103467192, 0.6747351646070093, 0.6747349193584472, 0.6745388203608743, 0.6744899955310875]],
      [0.975, [12.706204736174694, 4.302652729749462, 3.1824463052837078, 2.228138851986274, 2.045229642132703, 1.9839715185235518, 1.9623414611334493, 1.9623390808264083, 1.9623367052808798, 1.9604385517065073, 1.959966356814107]],
      [0.99995, [6366.197671316637, 99.99249984375004, 28.000130010950002, 6.211050891290746, 4.505511631211001, 4.053336701201548, 3.906359561102238, 3.9063437367014084, 3.9063279440312937, 3.8937332089269456, 3.8906075818030925]],
    ];
    for (const [p, values] of expected) values.forEach((value, index) => near(studentQuantile(p, degrees[index]!), value, 1e-9));
  });
});
