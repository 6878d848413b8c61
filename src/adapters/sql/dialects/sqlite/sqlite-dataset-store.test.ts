import { afterEach, describe } from "node:test";
import { datasetStoreConformance } from "../../../../datasets/dataset-store.conformance.ts";
import { datasetStoreOn } from "../../datasets/dataset-stores.fixture.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("datasets on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  datasetStoreConformance("SQLite", async () => datasetStoreOn(await databases.open()));
});
