import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { SourceArtifacts } from "../../importing/import-source.ts";
import { LocalArtifacts } from "./local-artifacts.ts";

describe("LocalArtifacts", () => {
  let folder: string;
  let store: string;
  let outside: string;
  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "slipway-artifacts-")));
    [store, outside] = [join(folder, "store"), join(folder, "outside")];
    for (const place of [join(store, "mlruns/1/a/artifacts/dir"), join(store, "mlartifacts/1/b/artifacts"), outside]) await mkdir(place, { recursive: true });
    await writeFile(join(store, "mlruns/1/a/artifacts/dir/x.txt"), "x");
    await writeFile(join(store, "mlartifacts/1/b/artifacts/y.txt"), "yy");
    await writeFile(join(outside, "secret.txt"), "secret");
    await symlink(join(outside, "secret.txt"), join(store, "mlruns/1/a/artifacts/link"));
    await symlink(outside, join(store, "mlruns/1/linked"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function listed(found: SourceArtifacts): Promise<string[] | string> {
    if (found.kind !== "files") return found.kind;
    const paths: string[] = [];
    for await (const { path, bytes } of found.files) paths.push(`${path} ${bytes}`);
    return paths;
  }

  it("reads what lies below the source's folder, and follows no link", async () => {
    const found = await new LocalArtifacts(store, []).of(`file://${store}/mlruns/1/a/artifacts`, []);
    assert.deepEqual(await listed(found), ["dir/x.txt 1", "link null"]);
    assert.equal(found.kind, "files");
    if (found.kind !== "files") return;
    for await (const file of found.files) if (file.path === "link") await assert.rejects(file.open(), { code: "IMPORT_SOURCE_INVALID" });
  });

  it("reads nothing outside of it, however the source names it", async () => {
    const artifacts = new LocalArtifacts(store, []);
    for (const uri of [outside, `file://${outside}`, "../outside", "mlflow-artifacts:/../../outside"]) assert.equal(await listed(await artifacts.of(uri, [])), "missing", uri);
    assert.deepEqual(await listed(await artifacts.of(`${store}/mlruns/1/linked`, [])), [], "a link that leads out");
    assert.deepEqual(await listed(await new LocalArtifacts(store, [outside]).of(outside, [])), ["secret.txt 6"], "named");
  });

  it("finds artifacts of a store that was copied, and of its server", async () => {
    const artifacts = new LocalArtifacts(store, []);
    assert.deepEqual(await listed(await artifacts.of("file:///gone/mlruns/1/a/artifacts", ["mlruns/1/a/artifacts"])), ["dir/x.txt 1", "link null"]);
    assert.deepEqual(await listed(await artifacts.of("mlflow-artifacts:/1/b/artifacts", [])), ["y.txt 2"]);
  });

  it("leaves what clients reach by themselves", async () => {
    assert.deepEqual(await new LocalArtifacts(store, []).of("s3://bucket/1/a/artifacts", []), { kind: "kept", uri: "s3://bucket/1/a/artifacts" });
  });
});
