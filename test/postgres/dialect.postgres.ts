import { after, afterEach, before, describe } from "node:test";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { sampleMigration, sqlValueConformance } from "../../src/adapters/sql/sql-values.conformance.ts";
import { accountMigration, sqlWriteConformance } from "../../src/adapters/sql/sql-writes.conformance.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

describe("Postgres dialect", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(() => schemas.close());
  after(() => cluster.remove());
  sqlValueConformance("Postgres", () => schemas.open({ migrations: [sampleMigration] }));
  sqlWriteConformance("Postgres", () => schemas.open({ migrations: [accountMigration] }));
});
