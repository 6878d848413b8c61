import { afterEach, describe } from "node:test";
import { accessStoreConformance } from "../../../../access/access-store.conformance.ts";
import { auditLogConformance } from "../../../../access/audit-log.conformance.ts";
import { setupStoreConformance } from "../../../../access/setup-store.conformance.ts";
import { evaluationStoreConformance } from "../../../../evaluation/evaluation-store.conformance.ts";
import { blobOwnersConformance } from "../../../../registry/blob-owners.conformance.ts";
import { registryEventsConformance } from "../../../../registry/registry-events.conformance.ts";
import { registryStoreConformance } from "../../../../registry/registry-store.conformance.ts";
import { measurementStoreConformance } from "../../../../serving/versions/measurement-store.conformance.ts";
import { truthStoreConformance } from "../../../../serving/predictions/truth-store.conformance.ts";
import { viewStoreConformance } from "../../../../tracking/view-store.conformance.ts";
import { statisticsStoreConformance } from "../../../../monitoring/statistics-store.conformance.ts";
import { accessStoreOn, blobOwnersOn, registryStoreOn } from "../../access/access-store.fixture.ts";
import { evaluationStoreOn } from "../../datasets/evaluation-store.fixture.ts";
import { SqlAuditLog } from "../../access/sql-audit-log.ts";
import { SqlMeasurementStore } from "../../serving/sql-measurement-store.ts";
import { SqlSetupStore } from "../../access/sql-setup-store.ts";
import { SqlStatisticsStore } from "../../serving/sql-statistics-store.ts";
import { SqlViewStore } from "../../tracking/sql-view-store.ts";
import { SqlTruthStore } from "../../serving/sql-truth-store.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("stores on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  registryStoreConformance("SQLite", async () => registryStoreOn(await databases.open()).store);
  registryEventsConformance("SQLite", async () => registryStoreOn(await databases.open()));
  blobOwnersConformance("SQLite", async () => blobOwnersOn(await databases.open()));
  evaluationStoreConformance("SQLite", async () => evaluationStoreOn(await databases.open()));
  accessStoreConformance("SQLite", async () => accessStoreOn(await databases.open()));
  viewStoreConformance("SQLite", async () => new SqlViewStore(await databases.open()));
  truthStoreConformance("SQLite", async () => new SqlTruthStore(await databases.open()));
  measurementStoreConformance("SQLite", async () => new SqlMeasurementStore(await databases.open()));
  statisticsStoreConformance("SQLite", async () => {
    const database = await databases.open();
    return (server) => new SqlStatisticsStore(database, server);
  });
  setupStoreConformance("SQLite", async () => new SqlSetupStore(await databases.open()));
  auditLogConformance("SQLite", async (handles) => {
    const path = databases.newPath();
    const opened = [];
    for (let count = 0; count < handles; count++) opened.push(new SqlAuditLog(await databases.open({ path })));
    return opened;
  });
});
