import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { packTar } from "modern-tar";
import { readTar } from "../adapters/archive/read-tar.ts";
import { AppError } from "../core/errors.ts";
import { checkArchive } from "./check-archive.ts";
import type { BackupManifest } from "./schemas.ts";

type TarEntry = Parameters<typeof packTar>[0][number];

const file = (name: string, pax?: Record<string, string>): TarEntry => ({ header: { name, size: 1, type: "file", ...(pax && { pax }) }, data: Buffer.from("x") });
const sha256 = createHash("sha256").update("x").digest("hex");

/** Checks an archive of these entries, whose manifest names these files of one byte. */
async function check(t: TestContext, entries: readonly TarEntry[], named: readonly string[]): Promise<BackupManifest> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-check-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const text = Buffer.from(JSON.stringify({ format: 1, version: "0", createdAt: 0, schema: 1, entries: named.map((path) => ({ path, bytes: 1, sha256 })) }));
  writeFileSync(join(folder, "a.tar"), await packTar([...entries, { header: { name: "manifest.json", size: text.length, type: "file" }, data: text }]));
  return checkArchive(readTar(join(folder, "a.tar")));
}

const refused = (message: RegExp) => (error: unknown) => error instanceof AppError && error.code === "BACKUP_INVALID" && message.test(error.message);

describe("an archive with artifacts", () => {
  it("is taken with names of any language and length", async (t) => {
    const paths = ["artifacts/1/run/artifacts/a b/日本 🚀.txt", `artifacts/${Array.from({ length: 64 }, () => "é".repeat(127)).join("/")}`, "artifacts/..a"];
    const { entries } = await check(t, paths.map((path) => file("short", { path })), paths);
    assert.deepEqual(entries.map(({ path }) => path), paths);
  });

  it("is refused where a name leads elsewhere, whatever part of the archive says it", async (t) => {
    for (const path of ["artifacts/../slipway.db", "artifacts/1/../../../escape", "/artifacts/a", "artifacts//etc/passwd", "artifacts/a\\..\\b", "artifacts/a\u001b[2J", "artifacts/.", "artifacts"]) {
      await assert.rejects(check(t, [file(path)], [path]), refused(/no backup does/), path);
      await assert.rejects(check(t, [file("artifacts/1/a", { path })], ["artifacts/1/a"]), refused(/no backup does/), `record ${path}`);
    }
  });

  it("is refused where an artifact is no file, is not named, is missing, there twice, or below another", async (t) => {
    const link: TarEntry = { header: { name: "artifacts/1", size: 0, type: "symlink", linkname: "/etc" } };
    const folder: TarEntry = { header: { name: "artifacts/1/", size: 0, type: "directory" } };
    await assert.rejects(check(t, [link, file("artifacts/1/passwd")], ["artifacts/1/passwd"]), refused(/plain files/));
    await assert.rejects(check(t, [folder], []), refused(/no backup does/));
    await assert.rejects(check(t, [file("artifacts/1/a")], []), refused(/does not name/));
    await assert.rejects(check(t, [], ["artifacts/1/a"]), refused(/missing/));
    await assert.rejects(check(t, [file("artifacts/a"), file("artifacts/a")], ["artifacts/a"]), refused(/twice/));
    await assert.rejects(check(t, [file("artifacts/a b"), file("artifacts/a b/c")], ["artifacts/a b", "artifacts/a b/c"]), refused(/below a file/));
  });
});
