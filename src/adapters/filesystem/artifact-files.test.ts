import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { systemClock } from "../../core/clock.ts";
import { artifactStoreConformance } from "../../tracking/artifact-store.conformance.ts";
import { FaultyFileSystem } from "../../../test/kit/faulty-file-system.ts";
import { ArtifactFiles } from "./artifact-files.ts";

function temporary(): string {
  return mkdtempSync(join(tmpdir(), "slipway-artifacts-"));
}

artifactStoreConformance("files", () => {
  const directory = temporary();
  const staging = join(directory, "artifact-staging");
  return Promise.resolve({
    store: new ArtifactFiles({ directory, clock: systemClock }),
    age: (milliseconds) => {
      const then = new Date(systemClock.now() - milliseconds);
      if (existsSync(staging)) for (const name of readdirSync(staging)) utimesSync(join(staging, name), then, then);
      return Promise.resolve();
    },
    close: () => Promise.resolve(rmSync(directory, { recursive: true, force: true })),
  });
});

describe("ArtifactFiles", () => {
  it("never follows a link", async (t) => {
    const directory = temporary();
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    mkdirSync(join(directory, "artifacts"));
    writeFileSync(join(directory, "secret"), "secret");
    symlinkSync(join(directory, "secret"), join(directory, "artifacts", "link"));
    const store = new ArtifactFiles({ directory, clock: systemClock });
    await assert.rejects(store.read("link"), (error) => error instanceof AppError && error.code === "ARTIFACT_NOT_FOUND");
    assert.deepEqual(await store.list(""), []);
    await store.remove("link");
    assert.equal(existsSync(join(directory, "secret")), true);
  });

  it("removes what an upload of a dead process left", async (t) => {
    const directory = temporary();
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const staging = join(directory, "artifact-staging");
    mkdirSync(staging);
    writeFileSync(join(staging, "dead.upload"), "half");
    const then = new Date(systemClock.now() - 90_000_000);
    utimesSync(join(staging, "dead.upload"), then, then);
    assert.equal(await new ArtifactFiles({ directory, clock: systemClock }).collect(86_400_000), 1);
    assert.deepEqual(readdirSync(staging), []);
  });

  it("leaves the old file or the new one when any call to the disk fails, and after power loss what it acknowledged", async () => {
    for (const code of ["EIO", "ENOSPC"]) {
      for (let at = 1, fired = true; fired; at++) {
        const directory = temporary();
        const disk = new FaultyFileSystem();
        const store = new ArtifactFiles({ directory, clock: systemClock, fileSystem: disk });
        await store.write("run/kept", Readable.from([Buffer.from("kept")]));
        disk.plan({ at, lasts: "onward", code });
        const written = await store.write("run/deep/file", Readable.from([Buffer.from("new content")])).then(() => true, (error: unknown) => {
          assert.ok(error instanceof AppError && ["STORAGE_FULL", "INTERNAL"].includes(error.code), String(error));
          return false;
        });
        fired = disk.fired;
        assert.equal(written, !fired);
        disk.heal();
        disk.losePower();
        const after = new ArtifactFiles({ directory, clock: systemClock });
        assert.equal((await buffer(await after.read("run/kept"))).toString(), "kept");
        const found = await after.read("run/deep/file").then(async (stream) => (await buffer(stream)).toString(), () => null);
        assert.ok(found === "new content" || (!written && found === null), `call ${at}: ${found}`);
        rmSync(directory, { recursive: true, force: true });
      }
    }
  });
});
