import { after } from "node:test";
import { TemporaryDatabases } from "../../src/adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { workflowKills } from "./workflow-kills.ts";

const databases = new TemporaryDatabases();
after(() => databases.remove());

// One process works on a SQLite at a time, as in the product; the schedules have two.
workflowKills("SQLite", {
  replicas: 1,
  create: async () => {
    const path = databases.newPath();
    return { address: { kind: "sqlite", path }, open: () => databases.open({ path, busyTimeoutMs: 30_000 }) };
  },
});
