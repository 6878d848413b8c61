import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { AppError } from "../core/errors.ts";
import type { ArtifactStore } from "./artifact-store.ts";

export interface ArtifactStoreHarness {
  store: ArtifactStore;
  /** Makes everything stored so far look this much older. */
  age(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

const failsWith = (code: AppError["code"]) => (error: unknown) => error instanceof AppError && error.code === code;

async function* brokenAfter(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
  throw new Error("connection reset");
}

export function artifactStoreConformance(adapter: string, open: () => Promise<ArtifactStoreHarness>): void {
  describe(`ArtifactStore: ${adapter}`, () => {
    let harness: ArtifactStoreHarness;
    let store: ArtifactStore;
    beforeEach(async () => {
      harness = await open();
      store = harness.store;
    });
    afterEach(() => harness.close());
    const put = (path: string, content: string | Uint8Array) => store.write(path, Readable.from([Buffer.from(content)]));
    const get = async (path: string, range?: { start: number; end: number }) => (await buffer(await store.read(path, range))).toString();

    it("keeps files by path and replaces them whole", async () => {
      assert.deepEqual(await put("0/run/artifacts/model/MLmodel", "first"), { bytes: 5 });
      assert.deepEqual(await put("0/run/artifacts/model/MLmodel", "second!"), { bytes: 7 });
      assert.equal(await get("0/run/artifacts/model/MLmodel"), "second!");
      assert.equal((await store.stat("0/run/artifacts/model/MLmodel")).bytes, 7);
    });

    it("keeps large and empty files, and names beyond ASCII", async () => {
      const content = randomBytes(3_500_001);
      await store.write("big/Größe 日本 😀.bin", Readable.from([content.subarray(0, 10), content.subarray(10, 2_000_000), content.subarray(2_000_000)]));
      assert.deepEqual(await buffer(await store.read("big/Größe 日本 😀.bin")), content);
      await put("big/empty", "");
      assert.equal(await get("big/empty"), "");
    });

    it("reads any range", async () => {
      const content = randomBytes(2_500_000);
      await put("file", content);
      await fc.assert(
        fc.asyncProperty(fc.nat(content.length), fc.nat(content.length), async (one, other) => {
          const range = { start: Math.min(one, other), end: Math.max(one, other) };
          assert.deepEqual(await buffer(await store.read("file", range)), content.subarray(range.start, range.end));
        }),
        { numRuns: 20 },
      );
    });

    it("lists one level by name and walks all below", async () => {
      for (const path of ["a/z", "a/b/c", "a/b/d/e", "other"]) await put(path, path);
      assert.deepEqual(await store.list("a"), [{ name: "b", isDirectory: true, bytes: null }, { name: "z", isDirectory: false, bytes: 3 }]);
      assert.deepEqual(await store.list(""), [{ name: "a", isDirectory: true, bytes: null }, { name: "other", isDirectory: false, bytes: 5 }]);
      assert.deepEqual(await store.list("nothing"), []);
      assert.deepEqual(await store.list("a/z"), []);
      assert.deepEqual(await store.walk("a"), [{ path: "b/c", bytes: 5 }, { path: "b/d/e", bytes: 7 }, { path: "z", bytes: 3 }]);
      assert.deepEqual(await store.walk("a/z"), [{ path: "", bytes: 3 }]);
      assert.deepEqual(await store.walk("nothing"), []);
    });

    it("removes files and folders, and takes new ones in their place", async () => {
      for (const path of ["a/b/c", "a/b/d", "a/e"]) await put(path, path);
      await store.remove("a/b");
      assert.deepEqual(await store.walk("a"), [{ path: "e", bytes: 3 }]);
      await put("a/b/c", "again");
      assert.equal(await get("a/b/c"), "again");
      await store.remove("a");
      await store.remove("a");
      assert.deepEqual(await store.list(""), []);
      await put("a", "now a file");
      assert.equal(await get("a"), "now a file");
    });

    it("keeps nothing of an upload that breaks, and the old file", async () => {
      await put("file", "old");
      await assert.rejects(store.write("file", Readable.from(brokenAfter(Buffer.from("half")))), failsWith("BODY_INCOMPLETE"));
      assert.equal(await get("file"), "old");
      await assert.rejects(store.write("other", Readable.from(brokenAfter(Buffer.from("half")))), failsWith("BODY_INCOMPLETE"));
      assert.deepEqual((await store.list("")).map(({ name }) => name), ["file"]);
    });

    it("refuses paths that could lead elsewhere", async () => {
      const hostile = ["..", "../x", "a/../b", "/etc/passwd", "a//b", "a/./b", "a/", "a\\..\\b", "a\0b", "a\nb", "x".repeat(256), "é".repeat(128), "a/".repeat(70) + "b", "\ud83d"];
      for (const path of hostile) {
        for (const call of [() => put(path, "x"), () => store.stat(path), () => store.read(path), () => store.list(path), () => store.walk(path), () => store.remove(path)]) {
          await assert.rejects(call(), failsWith("INVALID_PARAMETER"), JSON.stringify(path.slice(0, 20)));
        }
      }
      await assert.rejects(put("", "x"), failsWith("INVALID_PARAMETER"));
      await assert.rejects(store.remove(""), failsWith("INVALID_PARAMETER"));
      assert.deepEqual(await store.list(""), []);
    });

    it("refuses a file where a folder is, and a folder where a file is", async () => {
      await put("a/b", "x");
      await assert.rejects(put("a", "x"), failsWith("INVALID_PARAMETER"));
      await assert.rejects(put("a/b/c", "x"), failsWith("INVALID_PARAMETER"));
      assert.deepEqual(await store.walk(""), [{ path: "a/b", bytes: 1 }]);
    });

    it("says what is not there", async () => {
      await put("a/b", "x");
      for (const path of ["nothing", "a", "a/b/c", ""]) {
        await assert.rejects(store.stat(path), failsWith("ARTIFACT_NOT_FOUND"));
        await assert.rejects(store.read(path), failsWith("ARTIFACT_NOT_FOUND"));
      }
    });

    it("keeps one of many writers whole, and bears a removal in between", async () => {
      const contents = Array.from({ length: 12 }, (_, index) => String(index).repeat(100_000));
      await Promise.all([...contents.map((content) => put("race/deep/file", content)), ...[1, 2, 3].map(() => store.remove("race").catch(() => undefined))]);
      await put("race/deep/last", "x");
      const left = await get("race/deep/file").catch(() => null);
      if (left !== null) assert.ok(contents.includes(left));
      await store.collect(0);
    });

    it("removes what dead uploads left, and nothing younger", async () => {
      await put("kept", "x");
      await harness.age(60_000);
      assert.equal(await store.collect(60_000_000), 0);
      await store.collect(1);
      assert.equal(await get("kept"), "x");
    });
  });
}
