import { after, before } from "node:test";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { workflowKills } from "./workflow-kills.ts";

let cluster: PostgresCluster;
const schemas = new TemporarySchemas(() => cluster);
before(async () => { cluster = await PostgresCluster.start(); });
after(async () => {
  await schemas.close();
  await cluster.remove();
});

workflowKills("Postgres", {
  replicas: 2,
  create: async () => {
    const url = cluster.url({ schema: await schemas.newSchema() });
    return { address: { kind: "postgres", url }, open: () => schemas.openUrl(url) };
  },
});
