import { after, afterEach, before } from "node:test";
import { TemporaryDatabases } from "../../src/adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { workflowCrashesConformance } from "../../src/workflows/workflow-crashes.conformance.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

/** Engines that die in memory cost less than processes; as many lives as there are kills where that number is given. */
const kills = process.env["SLIPWAY_TEST_KILLS"];
const lives = Number(kills ?? 12);

let cluster: PostgresCluster;
const schemas = new TemporarySchemas(() => cluster);
const databases = new TemporaryDatabases();
before(async () => { cluster = await PostgresCluster.start(); });
afterEach(async () => {
  await schemas.close();
  await databases.remove();
});
after(() => cluster.remove());

// `npm test` has the first ten on SQLite, of the same draws.
if (kills !== undefined) workflowCrashesConformance("SQLite", () => databases.open(), lives);
workflowCrashesConformance("Postgres", () => schemas.open(), lives);
