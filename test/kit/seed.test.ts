import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { SeededRandom, seededRandom } from "./seed.ts";

const numbers = (random: SeededRandom): number[] => Array.from({ length: 5 }, () => random.integer(0, 1_000_000));

describe("the seed of a test run", () => {
  it("brings the same draws again for one purpose, and others for another", () => {
    assert.deepEqual(numbers(seededRandom("one")), numbers(seededRandom("one")));
    assert.notDeepEqual(numbers(seededRandom("one")), numbers(seededRandom("two")));
    assert.notDeepEqual(numbers(new SeededRandom(1)), numbers(new SeededRandom(2)));
  });

  it("is told by a test that fails and by no other, and is taken from the environment", () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-seed-"));
    try {
      const file = join(folder, "told.test.mjs");
      writeFileSync(
        file,
        `import { describe, it } from "node:test";
        import { testSeed } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, "seed.ts")).href)};
        describe("some", () => {
          it("passes", () => undefined);
          it("fails", () => { throw new Error("drawn from " + testSeed); });
        });`,
      );
      // As a run of its own, not as one that reports to the run of this test.
      const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
      const run = (seed: string): string =>
        spawnSync(process.execPath, ["--test", "--test-reporter=tap", file], { encoding: "utf8", env: { ...environment, SLIPWAY_TEST_SEED: seed } }).stdout;
      const told = run("4711");
      assert.equal(told.match(/SLIPWAY_TEST_SEED=4711/g)?.length, 1, told);
      assert.match(told, /not ok \d+ - fails[^]*SLIPWAY_TEST_SEED=4711/);
      assert.match(told, /drawn from 4711/);
      assert.match(run("soon"), /a whole number/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
