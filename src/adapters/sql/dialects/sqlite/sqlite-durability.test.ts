import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { SqlRegistryStore } from "../../registry/sql-registry-store.ts";
import { SqlTruthStore } from "../../serving/sql-truth-store.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";
import { systemClock } from "../../../../core/clock.ts";
import { TimeOrderedIds } from "../../../../core/ids.ts";

const ids = new TimeOrderedIds(systemClock);

const writingProgram = fileURLToPath(new URL("./writing-process.fixture.ts", import.meta.url));
/** The conventional name of the C compiler. */
const compiler = "cc";

interface WritingProcess {
  child: ChildProcessByStdio<Writable, Readable, null>;
  lines: AsyncIterator<string>;
}

/** Makes fsync and fdatasync fail while the file named by SYNC_FAILS_WHILE exists. */
const failingSync = `
  #define _GNU_SOURCE
  #include <dlfcn.h>
  #include <errno.h>
  #include <stdlib.h>
  #include <unistd.h>
  static int guarded(const char *name, int descriptor) {
    const char *flag = getenv("SYNC_FAILS_WHILE");
    if (flag && access(flag, F_OK) == 0) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(descriptor);
  }
  int fsync(int descriptor) { return guarded("fsync", descriptor); }
  int fdatasync(int descriptor) { return guarded("fdatasync", descriptor); }
`;

describe("durability on SQLite", () => {
  const databases = new TemporaryDatabases();
  const children: WritingProcess["child"][] = [];

  function start(path: string, environment: Record<string, string> = {}): WritingProcess {
    const child = spawn(process.execPath, [writingProgram, path], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...environment } });
    children.push(child);
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
  }

  async function nextLine({ lines }: WritingProcess): Promise<string> {
    const { value, done } = await lines.next();
    assert.ok(done !== true, "the writing process ended");
    return value;
  }

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await databases.remove();
  });

  it("has every acknowledged write, whole, after kill -9 in the middle of writing", async () => {
    const path = databases.newPath();
    let acknowledged = 0;
    for (const answers of [40, 150]) {
      const process = start(path);
      process.child.stdin.write("forever\n");
      const versions: number[] = [];
      const truths: number[] = [];
      for (let count = 0; count < answers; count++) {
        const [what, number] = (await nextLine(process)).split(" ");
        (what === "version" ? versions : truths).push(Number(number));
      }
      process.child.kill("SIGKILL");
      // What was still on its way to this process was acknowledged as well.
      for (let line = await process.lines.next(); line.done !== true; line = await process.lines.next()) {
        const [what, number, whole] = line.value.split(" ");
        if (whole === ".") (what === "version" ? versions : truths).push(Number(number));
      }
      const database = await databases.open({ path });
      const store = new SqlRegistryStore(database, ids);
      const found = (await store.listVersions("flights")).map(({ version }) => Number(version)).reverse();
      assert.deepEqual(found, Array.from({ length: found.length }, (_, index) => index + 1), "the numbers have a gap");
      acknowledged = Math.max(acknowledged, ...versions);
      assert.ok(found.length >= acknowledged, `${found.length} versions, but ${acknowledged} was acknowledged`);
      const model = await store.findModel("flights");
      assert.deepEqual([model?.latestVersion, model?.aliases["champion"]], [String(found.length), String(found.length)]);
      const truthStore = new SqlTruthStore(database);
      for (const truth of truths) assert.equal((await truthStore.read(`prd_${truth}`)).length, 3);
      await database.close();
    }
    const check = new DatabaseSync(path);
    assert.deepEqual({ ...check.prepare("pragma integrity_check").get() }, { integrity_check: "ok" });
    check.close();
  });

  const compiles = process.platform === "linux" && spawnSync(compiler, ["--version"]).status === 0;
  const skip = compiles ? false : "replaces fsync by a library, which needs Linux and a C compiler";

  it("acknowledges nothing that was not synced to the disk", { skip }, async () => {
    const path = databases.newPath();
    const folder = dirname(path);
    const library = join(folder, "failing-sync.so");
    const flag = join(folder, "sync-fails");
    writeFileSync(join(folder, "failing-sync.c"), failingSync);
    const compiled = spawnSync(compiler, ["-shared", "-fPIC", "-o", library, join(folder, "failing-sync.c"), "-ldl"], { encoding: "utf8" });
    assert.equal(compiled.status, 0, compiled.stderr);

    const writing = start(path, { LD_PRELOAD: library, SYNC_FAILS_WHILE: flag });
    const add = (): Promise<string> => {
      writing.child.stdin.write("one\n");
      return nextLine(writing);
    };
    assert.equal(await add(), "version 1 .");
    writeFileSync(flag, "");
    assert.equal(await add(), "failed io .");
    assert.equal(await add(), "failed io .");
    rmSync(flag);
    // Once the disk syncs again, so does the store; the failed numbers were never given away.
    assert.equal(await add(), "version 2 .");
    writing.child.kill("SIGKILL");
    await writing.lines.next();
    const store = new SqlRegistryStore(await databases.open({ path }), ids);
    assert.deepEqual((await store.listVersions("flights")).map(({ version }) => version), ["2", "1"]);
  });
});
