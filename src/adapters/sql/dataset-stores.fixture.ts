import { randomUUID } from "node:crypto";
import { epochMs, systemClock } from "../../core/clock.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import type { DatasetStoreUnderTest } from "../../datasets/dataset-store.conformance.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { SqlDatasetStore } from "./sql-dataset-store.ts";
import { SqlTeamStore } from "./sql-team-store.ts";
import { SqlTrackingStore } from "./sql-tracking-store.ts";

/** For tests: the store of datasets on a database, and what stands beside it. */
export function datasetStoreOn(database: SqlDatabase): DatasetStoreUnderTest {
  const ids = new TimeOrderedIds(systemClock);
  const teams = new SqlTeamStore(database, ids);
  const tracking = new SqlTrackingStore(database, ids);
  const by = { actor: "key:key_1", now: epochMs(1) };
  return {
    store: new SqlDatasetStore(database, ids),
    addTeam: (name) => teams.add({ name, description: "" }, by),
    removeTeam: (name) => teams.remove(name, by),
    logRun: async (team, time, datasets, into) => {
      const experiment = into ?? (await tracking.createExperiment({ name: randomUUID(), artifactLocation: "mlflow-artifacts:/{id}", tags: [], team, ...by })).id;
      const id = randomUUID().replaceAll("-", "");
      await tracking.createRun({ id, experiment, name: "r", user: "u", startTime: time, tags: [], artifactUri: "mlflow-artifacts:/x", ...by });
      await tracking.logInputs(id, {
        datasets: datasets.map(({ name, digest, context }) => ({
          dataset: { name, digest, sourceType: "local", source: "{}", profile: "{\"num_rows\": 2}" },
          tags: context === undefined ? [] : [{ key: "mlflow.data.context", value: context }],
        })),
        models: [],
      });
      return experiment;
    },
    events: async () => {
      const rows = await database.queries.selectFrom("outbox").selectAll().orderBy("sequence").execute();
      return rows.map(({ type, object, team, actor, time, payload_json: payload }) => ({ type, object, team, actor, time, payload: JSON.parse(payload) as unknown }));
    },
  };
}
