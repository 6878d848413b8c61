import { afterEach, describe } from "node:test";
import { auditLogConformance } from "../../../../access/audit-log.conformance.ts";
import { setupStoreConformance } from "../../../../access/setup-store.conformance.ts";
import { registryStoreConformance } from "../../../../registry/registry-store.conformance.ts";
import { measurementStoreConformance } from "../../../../serving/measurement-store.conformance.ts";
import { truthStoreConformance } from "../../../../serving/truth-store.conformance.ts";
import { statisticsStoreConformance } from "../../../../monitoring/statistics-store.conformance.ts";
import { SqlAuditLog } from "../../sql-audit-log.ts";
import { SqlMeasurementStore } from "../../sql-measurement-store.ts";
import { SqlRegistryStore } from "../../sql-registry-store.ts";
import { SqlSetupStore } from "../../sql-setup-store.ts";
import { SqlStatisticsStore } from "../../sql-statistics-store.ts";
import { SqlTruthStore } from "../../sql-truth-store.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";
import { systemClock } from "../../../../core/clock.ts";
import { TimeOrderedIds } from "../../../../core/ids.ts";

const ids = new TimeOrderedIds(systemClock);

describe("stores on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  registryStoreConformance("SQLite", async () => new SqlRegistryStore(await databases.open(), ids));
  truthStoreConformance("SQLite", async () => new SqlTruthStore(await databases.open()));
  measurementStoreConformance("SQLite", async () => new SqlMeasurementStore(await databases.open()));
  statisticsStoreConformance("SQLite", async () => new SqlStatisticsStore(await databases.open()));
  setupStoreConformance("SQLite", async () => new SqlSetupStore(await databases.open()));
  auditLogConformance("SQLite", async (handles) => {
    const path = databases.newPath();
    const opened = [];
    for (let count = 0; count < handles; count++) opened.push(new SqlAuditLog(await databases.open({ path })));
    return opened;
  });
});
