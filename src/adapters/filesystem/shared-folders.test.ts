import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import { SharedFolders } from "./shared-folders.ts";

const failsWith = (code: AppError["code"]) => (error: unknown) => error instanceof AppError && error.code === code;
const missing = failsWith("ARTIFACT_NOT_FOUND");

describe("SharedFolders", () => {
  let disk: string;
  let root: string;
  let folder: string;
  let shared: SharedFolders;
  beforeEach(() => {
    disk = realpathSync(mkdtempSync(join(tmpdir(), "slipway-shared-")));
    root = join(disk, "root");
    folder = join(root, "1", "run", "artifacts");
    shared = new SharedFolders([root]);
    put("model/MLmodel", "flavors: {}");
    put("model/data/weights.bin", "0123456789");
    put("notes.txt", "notes");
    write(join(disk, "secret"), "secret");
    write(join(root, "1", "other", "artifacts", "theirs"), "theirs");
  });
  afterEach(() => rmSync(disk, { recursive: true, force: true }));
  const write = (path: string, content: string): void => {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
  };
  const put = (path: string, content: string): void => write(join(folder, path), content);
  const at = (path = "") => ({ experiment: "1", folder, path });
  const text = async (path: string, range?: { start: number; end: number }): Promise<string> => (await buffer(await shared.read(at(path), range))).toString();
  const reads = (path: string) => [() => shared.stat(at(path)), () => text(path)];

  it("lists one level, walks all below, and reads files and ranges", async () => {
    assert.deepEqual(await shared.list(at()), [{ name: "model", isDirectory: true, bytes: null }, { name: "notes.txt", isDirectory: false, bytes: 5 }]);
    assert.deepEqual(await shared.walk(at()), [{ path: "model/MLmodel", bytes: 11 }, { path: "model/data/weights.bin", bytes: 10 }, { path: "notes.txt", bytes: 5 }]);
    assert.deepEqual(await shared.walk(at("notes.txt")), [{ path: "", bytes: 5 }]);
    assert.equal((await shared.stat(at("notes.txt"))).bytes, 5);
    assert.deepEqual([await text("model/data/weights.bin"), await text("model/data/weights.bin", { start: 2, end: 5 })], ["0123456789", "234"]);
  });

  it("says what is not there", async () => {
    for (const path of ["nothing", "model", "notes.txt/below", "x".repeat(255), ""]) for (const read of reads(path)) await assert.rejects(read(), missing, path);
    for (const path of ["nothing", "notes.txt"]) assert.deepEqual(await shared.list(at(path)), []);
    assert.deepEqual(await shared.walk(at("nothing")), []);
    const elsewhere = { ...at("theirs"), folder: join(disk, "nowhere") };
    await assert.rejects(shared.stat(elsewhere), missing);
  });

  it("writes only below the folder, through no link, and whole or not at all", async () => {
    const of = (content: string): Readable => Readable.from([Buffer.from(content)]);
    assert.deepEqual(await shared.write(at("new/deep/file.txt"), of("first")), { bytes: 5 });
    assert.deepEqual(await shared.write(at("new/deep/file.txt"), of("second")), { bytes: 6 });
    assert.equal(await text("new/deep/file.txt"), "second");
    const fresh = { ...at("a.txt"), folder: join(root, "2", "run", "artifacts") };
    await shared.write(fresh, of("made"));
    assert.equal((await buffer(await shared.read(fresh))).toString(), "made");

    const outside = join(disk, "outside");
    mkdirSync(outside);
    symlinkSync(outside, join(folder, "out"));
    symlinkSync(join(disk, "secret"), join(folder, "link"));
    symlinkSync(outside, join(root, "3"));
    const refused = [at("out/x"), at("link"), at("model"), at("notes.txt/x"), at(""), at("../x"), { ...at("x"), folder: join(root, "3", "run", "artifacts") }];
    for (const place of refused) await assert.rejects(shared.write(place, of("no")), failsWith("INVALID_PARAMETER"), place.path);
    await assert.rejects(new SharedFolders([join(disk, "gone")]).write({ ...at("x"), folder: join(disk, "gone", "1", "run", "artifacts") }, of("no")), missing);
    assert.deepEqual(readdirSync(outside), []);
    assert.equal(readFileSync(join(disk, "secret"), "utf8"), "secret");

    const broken = Readable.from((function* () { yield Buffer.from("half"); throw new Error("gone"); })());
    await assert.rejects(shared.write(at("notes.txt"), broken), failsWith("BODY_INCOMPLETE"));
    assert.equal(await text("notes.txt"), "notes");
    assert.deepEqual(readdirSync(folder).filter((name) => name.endsWith(".upload")), []);
  });

  it("writes nothing where a folder became a link at the last moment", async () => {
    const outside = join(disk, "outside");
    mkdirSync(join(outside, "artifacts"), { recursive: true });
    const swapping = new SharedFolders([root], async (...given) => {
      rmSync(join(root, "1", "run"), { recursive: true });
      symlinkSync(outside, join(root, "1", "run"));
      return open(...given);
    });
    await assert.rejects(swapping.write(at("x"), Readable.from([Buffer.from("no")])), failsWith("INVALID_PARAMETER"));
    assert.deepEqual(readdirSync(join(outside, "artifacts")), []);
  });

  it("refuses paths that could lead elsewhere", async () => {
    for (const path of ["..", "../other/artifacts/theirs", "model/../notes.txt", "/etc/passwd", "a//b", "./a", "a\\b", "a\0b", "a\nb"]) {
      for (const call of [...reads(path), () => shared.list(at(path)), () => shared.walk(at(path))]) await assert.rejects(call(), failsWith("INVALID_PARAMETER"), path);
    }
  });

  it("follows links that stay within the run's folder, and treats all others as not there", async () => {
    symlinkSync(join(folder, "model"), join(folder, "latest"));
    symlinkSync("notes.txt", join(folder, "same.txt"));
    symlinkSync(join(disk, "secret"), join(folder, "out.txt"));
    symlinkSync(disk, join(folder, "out"));
    symlinkSync("../../other/artifacts", join(folder, "theirs"));
    symlinkSync("gone", join(folder, "dangling"));
    symlinkSync("ring", join(folder, "ring"));
    symlinkSync("..", join(folder, "model", "up"));
    assert.deepEqual((await shared.list(at())).map(({ name }) => name), ["latest", "model", "notes.txt", "same.txt"]);
    assert.deepEqual([await text("same.txt"), await text("latest/MLmodel")], ["notes", "flavors: {}"]);
    for (const path of ["out.txt", "out/secret", "theirs/theirs", "dangling", "ring"]) for (const read of reads(path)) await assert.rejects(read(), missing, path);
    for (const path of ["out", "theirs"]) assert.deepEqual([await shared.list(at(path)), await shared.walk(at(path))], [[], []]);
    // The link upwards ends the walk where it comes round.
    assert.ok((await shared.walk(at())).every(({ path }) => path.split("/").length < 8));
  });

  it("reads nothing of a run whose folder is itself a link, though the root may be one", async () => {
    symlinkSync(root, join(disk, "mounted"));
    const mounted = new SharedFolders([join(disk, "mounted")]);
    const there = join(disk, "mounted", "1", "run", "artifacts");
    assert.equal((await mounted.stat({ experiment: "1", folder: there, path: "notes.txt" })).bytes, 5);
    mkdirSync(join(root, "1", "planted"));
    for (const [name, target] of [["artifacts", join(root, "1", "other", "artifacts")], ["more", disk]] as const) {
      symlinkSync(target, join(root, "1", "planted", name));
      const planted = { experiment: "1", folder: join(root, "1", "planted", name), path: name === "more" ? "secret" : "theirs" };
      await assert.rejects(shared.stat(planted), missing);
      assert.deepEqual(await shared.list({ ...planted, path: "" }), []);
    }
  });

  it("opens what it judged: a folder that becomes a link in between is not there", async () => {
    const stream = await shared.read(at("model/MLmodel"));
    renameSync(join(folder, "model"), join(folder, "moved"));
    write(join(disk, "outside", "MLmodel"), "secret");
    symlinkSync(join(disk, "outside"), join(folder, "model"));
    await assert.rejects(buffer(stream), missing);
  });

  it("reads nothing through a folder that becomes a link at the last moment", async () => {
    write(join(disk, "outside", "MLmodel"), "secret");
    let opened = 0;
    const swapping = new SharedFolders([root], async (path, flags) => {
      renameSync(join(folder, "model"), join(folder, "moved"));
      symlinkSync(join(disk, "outside"), join(folder, "model"));
      const handle = await open(path, flags);
      rmSync(join(folder, "model"));
      renameSync(join(folder, "moved"), join(folder, "model"));
      opened++;
      return handle;
    });
    await assert.rejects(buffer(await swapping.read(at("model/MLmodel"))), missing);
    assert.equal(opened, 3);
  });

  it("never waits for a queue", { skip: process.platform === "win32" ? "there are no named pipes" : false }, async () => {
    execFileSync("/usr/bin/env", ["mkfifo", join(folder, "queue")]);
    for (const read of reads("queue")) await assert.rejects(read(), missing);
    assert.ok(!(await shared.list(at())).some(({ name }) => name === "queue"));
  });

  it("reads only what is below the folder, whatever links and paths there are", async () => {
    const names = ["a", "b", "c"];
    const targets = [".", "..", "../..", "a", "b/c", "../../other/artifacts", "../../../../secret", "/", "../artifacts/a"];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom("", ...names), fc.constantFrom(...names), fc.constantFrom("file", "folder", ...targets)), { maxLength: 8 }),
        fc.array(fc.array(fc.constantFrom(...names, "secret", "theirs", "other", "artifacts", "root"), { minLength: 1, maxLength: 5 }), { maxLength: 10 }),
        async (made, asked) => {
          rmSync(folder, { recursive: true, force: true });
          mkdirSync(folder, { recursive: true });
          for (const [below, name, kind] of made) {
            const path = join(folder, below, name);
            try {
              if (relative(folder, realpathSync(join(path, ".."))).startsWith("..")) continue;
              if (kind === "file") writeFileSync(path, "mine", { flag: "wx" });
              else if (kind === "folder") mkdirSync(path);
              else symlinkSync(kind, path);
            } catch {
              // In the way of what is there, or below what is not.
            }
          }
          const found = await shared.walk(at());
          for (const path of [...asked.map((each) => each.join("/")), ...found.map(({ path: each }) => each)]) {
            const content = await text(path).catch((error: unknown) => (missing(error) ? null : Promise.reject(error as Error)));
            assert.ok(content === null || content === "mine", path);
          }
          for (const { path } of found) assert.equal(await text(path), "mine");
        },
      ),
      { numRuns: 60 },
    );
  });
});
