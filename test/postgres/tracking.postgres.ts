import { after, afterEach, before, describe } from "node:test";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { sqlTrackingUnderFaultsConformance } from "../../src/adapters/sql/tracking/sql-tracking-under-faults.conformance.ts";
import { trackingStoresConformance } from "../../src/adapters/sql/tracking/tracking-stores.conformance.ts";
import { trackingStoresOn } from "../../src/adapters/sql/tracking/tracking-stores.fixture.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

describe("tracking stores on Postgres", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(() => schemas.close());
  after(() => cluster.remove());
  trackingStoresConformance("Postgres", async () => trackingStoresOn(await schemas.open()));
  sqlTrackingUnderFaultsConformance("Postgres", () => schemas.open());
});
