import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { link, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { FaultyFileSystem } from "../../../test/kit/faulty-file-system.ts";
import { systemClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { blobStoreConformance } from "../../registry/blob-store.conformance.ts";
import { FilesystemBlobStore } from "./blob-store.ts";

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

function blobPath(directory: string, digest: string): string {
  const hex = digest.slice(7);
  return join(directory, "blobs", "sha256", hex.slice(0, 2), hex);
}

blobStoreConformance("filesystem", async () => {
  const directory = await mkdtemp(join(tmpdir(), "slipway-blobs-"));
  return {
    store: new FilesystemBlobStore({ directory, clock: systemClock }),
    async damage(digest) {
      const content = await readFile(blobPath(directory, digest));
      content[0]! ^= 1;
      await writeFile(blobPath(directory, digest), content);
    },
    async age(milliseconds) {
      for (const path of await filesBelow(directory)) {
        const then = new Date((await stat(path)).mtimeMs - milliseconds);
        await utimes(path, then, then);
      }
    },
    count: async () => (await filesBelow(directory)).length,
    close: () => rm(directory, { recursive: true, force: true }),
  };
});

describe("FilesystemBlobStore", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-blobs-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("does not follow a link that was put in a blob's place", async () => {
    const store = new FilesystemBlobStore({ directory: join(directory, "links"), clock: systemClock });
    const { digest } = await store.put(Readable.from([Buffer.from("secret")]));
    const path = blobPath(join(directory, "links"), digest);
    const outside = join(directory, "outside");
    await link(path, outside);
    await rm(path);
    await symlink(outside, path);
    assert.equal(await store.has(digest), false);
    await assert.rejects(store.verifiedPath(digest), (error) => error instanceof AppError && error.code === "BLOB_CORRUPT");
    // A link in the way of a new upload is replaced, never written through.
    await store.put(Readable.from([Buffer.from("secret")]));
    assert.equal(await store.verifiedPath(digest), path);
    assert.equal((await stat(outside)).nlink, 1);
  });

  it("shows a blob whole or not at all, whichever operation fails, and takes it at the next try", async () => {
    const content = Buffer.alloc(200_000, 7);
    for (let at = 1; ; at++) {
      const root = join(directory, `failing-${at}`);
      const faulty = new FaultyFileSystem();
      const store = new FilesystemBlobStore({ directory: root, clock: systemClock, fileSystem: faulty });
      faulty.plan({ at, lasts: "once" });
      const outcome = await store.put(Readable.from([content])).catch((error: unknown) => error);
      const survivors = new FilesystemBlobStore({ directory: root, clock: systemClock });
      if (!faulty.fired) {
        assert.ok(!(outcome instanceof Error));
        assert.ok(at > 8, "the scenario has more operations than that");
        break;
      }
      assert.ok(outcome instanceof AppError && outcome.code === "INTERNAL" && !outcome.message.includes(root), `operation ${at}`);
      for (const path of await filesBelow(join(root, "blobs")).catch(() => [])) await survivors.verifiedPath(`sha256:${path.slice(-64)}`);
      const { digest } = await store.put(Readable.from([content]));
      assert.deepEqual(await readFile(await store.verifiedPath(digest)), content);
    }
  });

  it("keeps a blob through a power cut once put has answered, also after failed tries", async () => {
    const content = Buffer.alloc(1000, 3);
    for (let at = 1, fired = true; fired; at++) {
      const root = join(directory, `power-${at}`);
      const faulty = new FaultyFileSystem();
      const store = new FilesystemBlobStore({ directory: root, clock: systemClock, fileSystem: faulty });
      faulty.plan({ at, lasts: "once" });
      const stored = await store.put(Readable.from([content])).catch(() => store.put(Readable.from([content])));
      fired = faulty.fired;
      faulty.losePower();
      const reopened = new FilesystemBlobStore({ directory: root, clock: systemClock });
      assert.deepEqual(await readFile(await reopened.verifiedPath(stored.digest)), content, `operation ${at}`);
    }
  });

  it("shows nothing of an upload whose process was killed, and collects what it left", async () => {
    const root = join(directory, "killed");
    const script = `
      import { Readable } from "node:stream";
      import { FilesystemBlobStore } from ${JSON.stringify(import.meta.resolve("./blob-store.ts"))};
      import { systemClock } from ${JSON.stringify(import.meta.resolve("../../core/clock.ts"))};
      const content = new Readable({ read() {} });
      new FilesystemBlobStore({ directory: process.argv[1], clock: systemClock }).put(content);
      content.push(Buffer.alloc(1000000));
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, root], { stdio: "ignore" });
    const staged = async (): Promise<number> => {
      const [path] = await filesBelow(root).catch(() => []);
      return path === undefined ? 0 : (await stat(path)).size;
    };
    while ((await staged()) < 1_000_000) await new Promise(setImmediate);
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.deepEqual(await filesBelow(join(root, "blobs")).catch(() => []), []);
    const store = new FilesystemBlobStore({ directory: root, clock: { now: () => (systemClock.now() + 3_600_000) as never, monotonic: () => 0 } });
    assert.equal(await store.collect(new Set(), 60_000), 1);
    assert.equal((await filesBelow(root)).length, 0);
  });
});
