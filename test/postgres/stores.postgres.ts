import { after, afterEach, before, describe } from "node:test";
import { accessStoreConformance } from "../../src/access/access-store.conformance.ts";
import { accessStoreOn, registryStoreOn } from "../../src/adapters/sql/access-store.fixture.ts";
import { SqlMeasurementStore, SqlStatisticsStore, SqlTruthStore } from "../../src/adapters/sql/index.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { statisticsStoreConformance } from "../../src/monitoring/statistics-store.conformance.ts";
import { registryEventsConformance } from "../../src/registry/registry-events.conformance.ts";
import { registryStoreConformance } from "../../src/registry/registry-store.conformance.ts";
import { measurementStoreConformance } from "../../src/serving/measurement-store.conformance.ts";
import { truthStoreConformance } from "../../src/serving/truth-store.conformance.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

describe("stores on Postgres", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(() => schemas.close());
  after(() => cluster.remove());
  registryStoreConformance("Postgres", async () => registryStoreOn(await schemas.open()).store);
  registryEventsConformance("Postgres", async () => registryStoreOn(await schemas.open()));
  accessStoreConformance("Postgres", async () => accessStoreOn(await schemas.open()));
  truthStoreConformance("Postgres", async () => new SqlTruthStore(await schemas.open()));
  measurementStoreConformance("Postgres", async () => new SqlMeasurementStore(await schemas.open()));
  statisticsStoreConformance("Postgres", async () => new SqlStatisticsStore(await schemas.open()));
});
