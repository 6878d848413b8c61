import { randomUUID } from "node:crypto";
import { epochMs, systemClock } from "../../../core/clock.ts";
import { TimeOrderedIds } from "../../../core/ids.ts";
import type { DatasetStoreUnderTest } from "../../../datasets/dataset-store.conformance.ts";
import { SqlBlobOwners } from "../registry/sql-blob-owners.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlDatasetStore } from "./sql-dataset-store.ts";
import { SqlTeamStore } from "../access/sql-team-store.ts";
import { SqlTrackingStore } from "../tracking/sql-tracking-store.ts";

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
    addUse: async (model, team, digest, evaluations) => {
      await database.queries.insertInto("models").values({ name: model, created_at: 1, description: "", latest_version: 1, team }).execute();
      const version = { model, version: 1, created_at: 1, contract_digest: "", contract_json: "{}", updated_at: null, run_id: null, logged_model: null };
      await database.queries.insertInto("model_versions").values(version).execute();
      await database.queries.insertInto("version_digests").values({ model, version: 1, digest }).execute();
      for (const id of evaluations) {
        await database.queries.insertInto("version_evaluations").values({ id, model, version: 1, time: 1, workflow_run: null, report_json: "{}", dataset_digest: digest }).execute();
      }
    },
    teamsWithDataset: (digest) => new SqlBlobOwners(database).teamsWithDataset(digest),
    events: async () => {
      const rows = await database.queries.selectFrom("outbox").selectAll().orderBy("sequence").execute();
      return rows.map(({ type, object, team, actor, time, payload_json: payload }) => ({ type, object, team, actor, time, payload: JSON.parse(payload) as unknown }));
    },
  };
}
