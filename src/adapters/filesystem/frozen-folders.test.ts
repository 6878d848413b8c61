import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { artifactBackupSource } from "./frozen-folders.ts";

function folders(t: TestContext): { directory: string; frozen: string; write(path: string, content: string): string } {
  const directory = mkdtempSync(join(tmpdir(), "slipway-frozen-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const frozen = join(directory, "frozen");
  mkdirSync(frozen);
  const write = (path: string, content: string): string => {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  return { directory, frozen, write };
}

describe("artifacts that stand still for a backup", () => {
  it("are every file with its content of the moment, whatever becomes of it then", async (t) => {
    const { directory, frozen, write } = folders(t);
    const deep = Array.from({ length: 60 }, (_, level) => `level ${level} of sixty, named at some length`).join("/");
    const contents: Record<string, string> = { "1/run/artifacts/a b/日本.txt": "text", "1/run/artifacts/empty": "", "1/run/artifacts/staging/in a folder with a name of ours": "kept", [`1/run/${deep}/x`]: "deep" };
    for (let index = 0; index < 150; index++) contents[`2/run/artifacts/${index}`] = `file ${index}`;
    for (const [path, content] of Object.entries(contents)) write(`artifacts/${path}`, content);
    const files = await artifactBackupSource(directory).freeze(frozen);
    const changed = join(directory, "artifacts/1/run/artifacts/a b/日本.txt");
    writeFileSync(`${changed}.new`, "replaced, and longer");
    renameSync(`${changed}.new`, changed);
    rmSync(join(directory, "artifacts/2"), { recursive: true });
    const found = Object.fromEntries(files.map(({ path, file, bytes }) => [path, [readFileSync(file, "utf8"), bytes]]));
    assert.deepEqual(found, Object.fromEntries(Object.entries(contents).map(([path, content]) => [`artifacts/${path}`, [content, content.length]])));
    assert.equal(files.length, Object.keys(contents).length);
  });

  it("take no room: they are links", async (t) => {
    const { directory, frozen, write } = folders(t);
    const file = write("artifacts/1/a", "content");
    const [linked] = await artifactBackupSource(directory).freeze(frozen);
    assert.equal(statSync(linked!.file).ino, statSync(file).ino);
  });

  it("are no links, no uploads under way, and nothing with a name that the store does not take", async (t) => {
    const { directory, frozen, write } = folders(t);
    write("secret/key", "secret");
    write("artifact-staging/a.upload", "half");
    write("artifacts/1/kept", "kept");
    write("artifacts/1/back\\slash", "x");
    write("artifacts/1/new\nline/x", "x");
    symlinkSync(join(directory, "secret", "key"), join(directory, "artifacts", "1", "link"));
    symlinkSync(join(directory, "secret"), join(directory, "artifacts", "1", "folder"));
    const files = await artifactBackupSource(directory).freeze(frozen);
    assert.deepEqual(files.map(({ path }) => path), ["artifacts/1/kept"]);
  });

  it("are left out when they go away meanwhile, and are none where there is no folder", async (t) => {
    const { directory, frozen, write } = folders(t);
    assert.deepEqual(await artifactBackupSource(directory).freeze(frozen), []);
    for (let index = 0; index < 300; index++) write(`artifacts/1/${String(index).padStart(3, "0")}/file`, "whole");
    let isOver = false;
    const freezing = artifactBackupSource(directory).freeze(join(frozen)).finally(() => (isOver = true));
    // From the end, against the order of the links; half of them become a file where a folder was, and a folder where a file was.
    for (let index = 299; index >= 0 && !isOver; index--) {
      const folder = join(directory, "artifacts", "1", String(index).padStart(3, "0"));
      rmSync(join(folder, "file"));
      if (index % 2 === 0) mkdirSync(join(folder, "file"));
      else rmSync(folder, { recursive: true });
      await new Promise(setImmediate);
    }
    for (const { path, file, bytes } of await freezing) {
      assert.match(path, /^artifacts\/1\/\d{3}\/file$/);
      assert.deepEqual([readFileSync(file, "utf8"), bytes], ["whole", 5]);
    }
  });
});
