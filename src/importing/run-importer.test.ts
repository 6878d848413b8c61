import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "node:test";
import { ArtifactFiles } from "../adapters/filesystem/artifact-files.ts";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { trackingStoresOn } from "../adapters/sql/tracking/tracking-stores.fixture.ts";
import { systemClock } from "../core/clock.ts";
import { runImporterConformance } from "./run-importer.conformance.ts";

describe("importRun", () => {
  runImporterConformance("SQLite", async (work) => {
    const databases = new TemporaryDatabases();
    const directory = await mkdtemp(join(tmpdir(), "slipway-importing-"));
    try {
      const { store } = trackingStoresOn(await databases.open());
      return await work({ store, artifacts: new ArtifactFiles({ directory, clock: systemClock }) });
    } finally {
      await databases.remove();
      await rm(directory, { recursive: true, force: true });
    }
  }, 15);
});
