import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { ArtifactFiles } from "../../src/adapters/filesystem/artifact-files.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { trackingStoresOn } from "../../src/adapters/sql/tracking/tracking-stores.fixture.ts";
import { systemClock } from "../../src/core/clock.ts";
import { runImporterConformance } from "../../src/importing/run-importer.conformance.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

describe("importRun", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  after(() => cluster.remove());
  runImporterConformance("Postgres", async (work) => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-importing-"));
    try {
      const { store } = trackingStoresOn(await schemas.open());
      return await work({ store, artifacts: new ArtifactFiles({ directory, clock: systemClock }) });
    } finally {
      await schemas.close();
      await rm(directory, { recursive: true, force: true });
    }
  }, 6);
});
