import { after, afterEach, before, describe } from "node:test";
import { accessStoreConformance } from "../../src/access/access-store.conformance.ts";
import { auditLogConformance } from "../../src/access/audit-log.conformance.ts";
import { setupStoreConformance } from "../../src/access/setup-store.conformance.ts";
import { accessStoreOn, blobOwnersOn, registryStoreOn } from "../../src/adapters/sql/access-store.fixture.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { SqlAuditLog } from "../../src/adapters/sql/sql-audit-log.ts";
import { SqlMeasurementStore } from "../../src/adapters/sql/sql-measurement-store.ts";
import { SqlSetupStore } from "../../src/adapters/sql/sql-setup-store.ts";
import { SqlStatisticsStore } from "../../src/adapters/sql/sql-statistics-store.ts";
import { SqlViewStore } from "../../src/adapters/sql/sql-view-store.ts";
import { SqlTruthStore } from "../../src/adapters/sql/sql-truth-store.ts";
import { sqlStoresUnderFaultsConformance } from "../../src/adapters/sql/sql-stores-under-faults.conformance.ts";
import { viewStoreConformance } from "../../src/tracking/view-store.conformance.ts";
import { statisticsStoreConformance } from "../../src/monitoring/statistics-store.conformance.ts";
import { blobOwnersConformance } from "../../src/registry/blob-owners.conformance.ts";
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
  blobOwnersConformance("Postgres", async () => blobOwnersOn(await schemas.open()));
  accessStoreConformance("Postgres", async () => accessStoreOn(await schemas.open()));
  viewStoreConformance("Postgres", async () => new SqlViewStore(await schemas.open()));
  truthStoreConformance("Postgres", async () => new SqlTruthStore(await schemas.open()));
  measurementStoreConformance("Postgres", async () => new SqlMeasurementStore(await schemas.open()));
  statisticsStoreConformance("Postgres", async () => {
    const database = await schemas.open();
    return (server) => new SqlStatisticsStore(database, server);
  });
  setupStoreConformance("Postgres", async () => new SqlSetupStore(await schemas.open()));
  sqlStoresUnderFaultsConformance("Postgres", () => schemas.open());
  auditLogConformance("Postgres", async (handles) => {
    const schema = await schemas.newSchema();
    const opened: SqlAuditLog[] = [];
    for (let count = 0; count < handles; count++) opened.push(new SqlAuditLog(await schemas.open({ schema })));
    return opened;
  });
});
