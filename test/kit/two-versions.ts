import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linearModel } from "./onnx-models.ts";
import { PostgresCluster } from "./postgres-cluster.ts";
import type { RunningServer } from "./running-server.ts";

/** Deploys a model whose version 1 has the traffic, and a version 2 that could have it. */
export async function deployTwoVersions({ client, file }: Pick<RunningServer, "client" | "file">, name: string): Promise<void> {
  await client.deploy({ file: await file("one.onnx", linearModel({ weights: [2] })), name });
  await client.deploy({ file: await file("two.onnx", linearModel({ weights: [3] })), name, activate: false });
}

/** What servers share. */
export interface SharedStores {
  cluster: PostgresCluster;
  /** With which each of them is started. */
  environment: Record<string, string>;
  remove(): Promise<void>;
}

/** A Postgres and a folder of artifacts for servers that are several. */
export async function openSharedStores(): Promise<SharedStores> {
  const cluster = await PostgresCluster.start();
  const artifacts = await mkdtemp(join(tmpdir(), "slipway-artifacts-"));
  return {
    cluster, environment: { SLIPWAY_DATABASE_URL: cluster.url(), SLIPWAY_ARTIFACTS: artifacts },
    remove: async () => {
      await cluster.remove();
      await rm(artifacts, { recursive: true, force: true });
    },
  };
}
