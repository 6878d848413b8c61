import { after, afterEach, before, describe } from "node:test";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { workflowStoresOn } from "../../src/adapters/sql/workflow-stores.fixture.ts";
import { systemClock } from "../../src/core/clock.ts";
import { runDirectoryConformance } from "../../src/workflows/run-directory.conformance.ts";
import { scheduleStoreConformance } from "../../src/workflows/schedule-store.conformance.ts";
import { signalStoreConformance } from "../../src/workflows/signal-store.conformance.ts";
import { workflowStoreConformance } from "../../src/workflows/workflow-store.conformance.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

describe("workflow stores on Postgres", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(() => schemas.close());
  after(() => cluster.remove());
  const open = async () => workflowStoresOn(await schemas.open(), systemClock);
  workflowStoreConformance("Postgres", open);
  runDirectoryConformance("Postgres", open);
  signalStoreConformance("Postgres", open);
  scheduleStoreConformance("Postgres", open);
});
