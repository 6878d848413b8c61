import { after, afterEach, before, describe } from "node:test";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { workflowStoresConformance } from "../../src/adapters/sql/workflow-stores.conformance.ts";
import { workflowStoresOn } from "../../src/adapters/sql/workflow-stores.fixture.ts";
import { systemClock } from "../../src/core/clock.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

describe("workflow stores on Postgres", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(() => schemas.close());
  after(() => cluster.remove());
  workflowStoresConformance("Postgres", async () => workflowStoresOn(await schemas.open(), systemClock));
});
