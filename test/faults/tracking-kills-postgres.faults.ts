import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { trackingKills } from "./tracking-kills.ts";

let cluster: PostgresCluster;
let folder: string;
let rounds = 0;
before(async () => {
  cluster = await PostgresCluster.start();
  folder = await mkdtemp(join(tmpdir(), "slipway-artifacts-"));
});
after(async () => {
  await cluster.remove();
  await rm(folder, { recursive: true });
});

trackingKills("Postgres", Number(process.env["SLIPWAY_TEST_KILLS"] ?? 3), {
  create: async () => {
    const schema = await cluster.createSchema(`tracking_${++rounds}`);
    return { SLIPWAY_DATABASE_URL: cluster.url({ schema }), SLIPWAY_ARTIFACTS: join(folder, schema) };
  },
  database: { kill: () => cluster.kill(), restart: () => cluster.restart() },
});
