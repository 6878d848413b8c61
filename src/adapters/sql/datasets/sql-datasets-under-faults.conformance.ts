import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { answerOf, FaultyDatabase } from "../../../../test/kit/faulty-database.ts";
import { seededRandom } from "../../../../test/kit/seed.ts";
import { addedBy, datasetFacts } from "../../../datasets/dataset-store.conformance.ts";
import { datasetStoreOn } from "./dataset-stores.fixture.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Every acknowledged version is there, and none in part or twice, acknowledged or not. `open` gives a new, empty database. */
export function sqlDatasetsUnderFaultsConformance(adapter: string, open: () => Promise<SqlDatabase>): void {
  describe(`SQL datasets on a database that misbehaves: ${adapter}`, () => {
    it("numbers versions without a gap, each with its event, and removes them whole", async () => {
      const real = await open();
      const faulty = new FaultyDatabase(real, seededRandom("datasets"));
      const { store } = datasetStoreOn(faulty);
      const answered = new Map<number, { dataset: string; version: number }>();
      let last = 0;
      const unanswered = new Set<number>();
      await Promise.all([1, 2, 3].map(async () => {
        for (let turn = 0; turn < 20; turn++) {
          const marker = ++last;
          const added = await answerOf(() => store.addVersion(datasetFacts(marker % 2 === 0 ? "even" : "odd", marker), addedBy));
          if (added === undefined) unanswered.add(marker);
          else answered.set(marker, added.result.version);
        }
      }));
      const { store: kept, events } = datasetStoreOn(real);
      for (const name of ["even", "odd"]) {
        const versions = (await kept.listVersions(name, { before: null, limit: 1000 })).toReversed();
        assert.deepEqual(versions.map(({ version }) => version), versions.map((_, index) => index + 1), "numbers without a gap");
        assert.equal((await kept.find(name))?.latestVersion, versions.length);
        assert.equal(new Set(versions.map(({ digest }) => digest)).size, versions.length, "none twice");
        for (const [marker, { dataset, version }] of answered) if (dataset === name) assert.equal(versions[version - 1]?.digest, datasetFacts(name, marker).digest);
        const told = (await events()).filter(({ object }) => object === `dataset:${name}`).map(({ type, payload }) => `${type} ${(payload as { version?: number }).version ?? ""}`);
        assert.deepEqual(told, ["dataset.created ", ...versions.map(({ version }) => `dataset.version.added ${version}`)]);
      }
      while ((await answerOf(() => store.remove("even", addedBy))) === undefined);
      assert.deepEqual([await kept.find("even"), await kept.findVersion("even")], [null, null]);
      assert.equal((await events()).filter(({ type }) => type === "dataset.deleted").length, 1);
      // Guards against a test that no fault reached.
      assert.ok(answered.size > 0 && unanswered.size > 0 && faulty.met.after + faulty.met.during + faulty.met.again > 0, JSON.stringify(faulty.met));
    });
  });
}
