import { after, afterEach, before, describe } from "node:test";
import { SqlMeasurementStore, SqlRegistryStore, SqlStatisticsStore, SqlTruthStore } from "../../src/adapters/sql/index.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { statisticsStoreConformance } from "../../src/monitoring/statistics-store.conformance.ts";
import { registryStoreConformance } from "../../src/registry/registry-store.conformance.ts";
import { measurementStoreConformance } from "../../src/serving/measurement-store.conformance.ts";
import { truthStoreConformance } from "../../src/serving/truth-store.conformance.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { systemClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";

const ids = new TimeOrderedIds(systemClock);

describe("stores on Postgres", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(() => schemas.close());
  after(() => cluster.remove());
  registryStoreConformance("Postgres", async () => new SqlRegistryStore(await schemas.open(), ids));
  truthStoreConformance("Postgres", async () => new SqlTruthStore(await schemas.open()));
  measurementStoreConformance("Postgres", async () => new SqlMeasurementStore(await schemas.open()));
  statisticsStoreConformance("Postgres", async () => new SqlStatisticsStore(await schemas.open()));
});
