import { afterEach, describe } from "node:test";
import { gatewayStoreConformance } from "../../../../gateway/settings/gateway-store.conformance.ts";
import { gatewayStoreOn } from "../../gateway/gateway-store.fixture.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("The gateway's settings on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  gatewayStoreConformance("SQLite", async () => gatewayStoreOn(await databases.open()));
});
