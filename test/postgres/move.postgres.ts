import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { unpackTar } from "modern-tar";
import type { BackupManifest } from "../../src/backup/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

type Outcome = Record<string, unknown> & { error?: { code: string; message: string } };

function slipway(parameters: readonly string[], url = "http://127.0.0.1:1"): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...parameters, "--json", "--quiet"], { env: { ...process.env, SLIPWAY_URL: url } }, (_error, stdout) => resolve(JSON.parse(stdout) as Outcome));
  });
}

const one = (value: number) => [{ name: "features", datatype: "FP32" as const, shape: [1, 1], data: [value] }];
const ready = async (server: RunningServer): Promise<RunningServer> => {
  while ((await fetch(`${server.url}/ready`)).status !== 200) await betweenLooks();
  return server;
};
/** Digests of the tables of an archive; those that a running server writes by itself are left out. */
async function tablesOf(archive: string): Promise<Map<string, string>> {
  const entries = await unpackTar(readFileSync(archive));
  const manifest = JSON.parse(Buffer.from(entries.at(-1)!.data!).toString()) as BackupManifest;
  const moving = /minute_statistics|replica_minutes|warmup|audit|workflow|outbox|sequences|subscriptions|deliveries|api_keys/;
  return new Map(manifest.entries.filter(({ path }) => path.startsWith("tables/") && !moving.test(path)).map(({ path, sha256 }) => [path, sha256]));
}

describe("from SQLite to Postgres and back", () => {
  let cluster: PostgresCluster;
  let directory: string;
  let data: string;
  let predictionId: string;
  before(async () => {
    cluster = await PostgresCluster.start();
    const server = await ready(await startServer());
    directory = server.directory;
    data = join(directory, "data");
    await server.client.deploy({ file: await server.file("a.onnx", linearModel({ weights: [2] })), name: "a" });
    await server.client.deploy({ file: await server.file("b.onnx", linearModel({ weights: [5] })), name: "a" });
    predictionId = (await server.client.infer("a", one(3))).predictionId;
    await server.client.sendTruth([{ predictionId, value: 15 }]);
    assert.equal((await slipway(["backup", join(directory, "sqlite.tar")], server.url)).error, undefined);
    const running = await slipway(["move", "--to", cluster.url(), "--data", data]);
    assert.equal(running.error?.code, "DATA_DIRECTORY_IN_USE");
    await server.stop({ keep: true });
  });
  after(async () => {
    await cluster.remove();
    await rm(directory, { recursive: true, force: true });
  });

  it("moves every row, serves the same, and refuses to go on with an empty SQLite", async (t) => {
    const occupied = await cluster.createSchema("occupied");
    const elsewhere = await ready(await startServer({ environment: { SLIPWAY_DATABASE_URL: cluster.url({ schema: occupied }) } }));
    await elsewhere.client.deploy({ file: await elsewhere.file("c.onnx", linearModel({ weights: [9] })), name: "c" });
    await elsewhere.stop();
    assert.equal((await slipway(["move", "--to", cluster.url({ schema: occupied }), "--data", data])).error?.code, "RESTORE_TARGET_NOT_EMPTY");
    assert.ok(existsSync(join(data, "slipway.db")));

    const moved = await slipway(["move", "--to", cluster.url(), "--data", data]);
    assert.equal(moved.error, undefined, JSON.stringify(moved));
    assert.ok((moved.rows as number) > 5);
    await assert.rejects(startServer({ directory }), /CONFIG_INVALID[^]*SLIPWAY_DATABASE_URL/);

    const server = await ready(await startServer({ directory, environment: { SLIPWAY_DATABASE_URL: cluster.url() } }));
    t.after(() => server.stop({ keep: true }));
    assert.equal((await server.client.infer("a", one(4))).outputs.score!.data[0], 20);
    const why = await server.client.why(predictionId);
    assert.deepEqual(why.truth.map(({ value }) => value), [15]);
    const archive = join(directory, "postgres.tar");
    const taken = await slipway(["backup", archive], server.url);
    assert.equal(taken.error, undefined, JSON.stringify(taken));
    assert.deepEqual(await tablesOf(archive), await tablesOf(join(directory, "sqlite.tar")));
  });

  it("restores a backup of Postgres into SQLite, and one of SQLite into Postgres", async (t) => {
    const folder = join(directory, "back");
    await mkdir(folder);
    const restored = await slipway(["restore", join(directory, "postgres.tar"), "--data", join(folder, "data")]);
    assert.equal(restored.error, undefined, JSON.stringify(restored));
    const server = await ready(await startServer({ directory: folder }));
    t.after(() => server.stop({ keep: true }));
    assert.equal((await server.client.infer("a", one(4))).outputs.score!.data[0], 20);
    assert.deepEqual((await server.client.why(predictionId)).truth.map(({ value }) => value), [15]);

    const target = cluster.url({ schema: await cluster.createSchema("target") });
    const into = await slipway(["restore", join(directory, "sqlite.tar"), "--data", join(directory, "forth"), "--database-url", target]);
    assert.equal(into.error, undefined, JSON.stringify(into));
    const again = await slipway(["restore", join(directory, "sqlite.tar"), "--data", join(directory, "again"), "--database-url", target]);
    assert.equal(again.error?.code, "RESTORE_TARGET_NOT_EMPTY");
    assert.equal(existsSync(join(directory, "again")), false);
  });
});
