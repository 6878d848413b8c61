import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { answerOf, FaultyDatabase } from "../../../../test/kit/faulty-database.ts";
import { seededRandom } from "../../../../test/kit/seed.ts";
import { AppError } from "../../../core/errors.ts";
import { allPages, by, newExperiment, pairs, point, runId, storeNow as now } from "../../../tracking/new-run.fixture.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { trackingStoresOn } from "./tracking-stores.fixture.ts";

const together = (clients: number, client: (number: number) => Promise<void>): Promise<void[]> => Promise.all(Array.from({ length: clients }, (_, number) => client(number)));

/** What the tracking stores promise on a database that fails before the work, after it and within it. `open` gives a new, empty database. */
export function sqlTrackingUnderFaultsConformance(adapter: string, open: () => Promise<SqlDatabase>): void {
  describe(`Tracking stores on a database that misbehaves: ${adapter}`, () => {
    it("keeps what was answered, and nothing in part or twice", async () => {
      const random = seededRandom("tracking");
      const real = await open();
      const faulty = new FaultyDatabase(real, random);
      const { store } = trackingStoresOn(faulty);
      const { store: kept, events } = trackingStoresOn(real);
      const experiment = await newExperiment(kept);
      const made = new Set<string>();
      const asked = new Set<number>();
      const logged = new Map<number, string>();
      const lost: number[] = [];
      let last = 0;
      await together(4, async (client) => {
        for (let turn = 0; turn < 20; turn++) {
          const id = runId(client * 100 + Math.floor(turn / 5));
          if (turn % 5 === 0) {
            // Asked again until it is answered, as a client does; a run that an unanswered call made is refused the second time.
            for (;;) {
              const request = { id, experiment, name: id, user: "u", startTime: turn, artifactUri: "uri", tags: pairs({ a: "1", b: "2" }), ...by };
              try {
                if ((await answerOf(() => store.createRun(request))) !== undefined) break;
              } catch (error) {
                assert.ok(error instanceof AppError && error.code === "INVALID_PARAMETER", String(error));
                break;
              }
            }
            made.add(id);
            continue;
          }
          const marker = ++last;
          asked.add(marker);
          const change = {
            metrics: [point("x", marker, marker), point(`m${marker}`, marker, marker)], params: pairs({ [`p${marker}`]: String(marker), [`q${marker}`]: "" }),
            tags: pairs({ [`t${marker}`]: String(marker) }),
          };
          const answer = await answerOf(() => store.logToRun(id, change, now));
          if (answer === undefined) lost.push(marker);
          else logged.set(marker, id);
        }
      });
      const runs = await allPages((after) => kept.searchRuns({ experiments: [experiment], conditions: [], order: [], view: "all", limit: 7, after }));
      assert.deepEqual(runs.map(({ id }) => id).toSorted(), [...made].toSorted());
      for (const { id, tags, params, metrics } of runs) {
        assert.equal(tags.filter(({ key }) => ["a", "b", "mlflow.runName"].includes(key)).length, 3, "a run without its tags");
        const history = await allPages((after) => kept.metricHistory(id, "x", { limit: 5, after }));
        const markers = history.map(({ step }) => step).toSorted((left, right) => left - right);
        for (const marker of markers) assert.ok(asked.has(marker));
        assert.deepEqual(params.map(({ key }) => key).toSorted(), markers.flatMap((marker) => [`p${marker}`, `q${marker}`]).toSorted());
        assert.deepEqual(tags.flatMap(({ key }) => (/^t\d/.test(key) ? [key] : [])).toSorted(), markers.map((marker) => `t${marker}`).toSorted());
        assert.equal(metrics.find(({ key }) => key === "x")?.step, markers.at(-1));
        for (const [marker, run] of logged) if (run === id) assert.ok(markers.includes(marker), `${marker} was answered`);
      }

      let ends = 0;
      await together(3, async (client) => {
        for (const [index, { id }] of runs.entries()) {
          if (index % 3 !== client) continue;
          while ((await answerOf(() => store.updateRun(id, { status: "FINISHED", endTime: 9 }, by))) === undefined) ends++;
        }
      });
      const told = (await events()).filter(({ type }) => type === "run.finished").map(({ payload }) => payload["run"]);
      assert.deepEqual(told.toSorted(), runs.map(({ id }) => id).toSorted(), "one end of each");
      const { met } = faulty;
      assert.ok(logged.size > 0 && lost.length + ends > 0 && met.before + met.away > 0 && met.after + met.during + met.again > 0, JSON.stringify(met));
    });

    it("gives each name of an experiment once, and each id once", async () => {
      const random = seededRandom("experiments");
      const real = await open();
      const faulty = new FaultyDatabase(real, random);
      const { store } = trackingStoresOn(faulty);
      const answered = new Map<string, string>();
      await together(4, async (client) => {
        for (let turn = 0; turn < 10; turn++) {
          const name = `e${(turn + client) % 8}`;
          try {
            const made = await answerOf(() => newExperiment(store, name, { tags: pairs({ a: "1" }) }));
            if (made !== undefined) answered.set(name, made.result);
          } catch (error) {
            assert.ok(error instanceof AppError && error.code === "EXPERIMENT_EXISTS", String(error));
          }
        }
      });
      const { store: kept, events } = trackingStoresOn(real);
      const search = { conditions: [], order: [], view: "all", limit: 100, after: null, visible: "all" } as const;
      const found = (await kept.searchExperiments(search)).items.filter(({ id }) => id !== "0");
      assert.equal(new Set(found.map(({ name }) => name)).size, found.length);
      for (const { tags } of found) assert.deepEqual(tags, pairs({ a: "1" }));
      for (const [name, id] of answered) assert.equal(found.find((experiment) => experiment.name === name)?.id, id);
      const told = (await events()).map(({ object }) => object);
      assert.deepEqual(told.toSorted(), found.map(({ id }) => `experiment:${id}`).toSorted());
    });
  });
}
