import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import type { BlobStore } from "./blob-store.ts";

/** What the suite must be able to do to an adapter from outside. */
export interface BlobStoreHarness {
  store: BlobStore;
  /** Changes one byte of a stored blob behind the store's back. */
  damage(digest: string): Promise<void>;
  /** Makes everything stored so far, finished or not, look this much older. */
  age(milliseconds: number): Promise<void>;
  /** Everything that is stored, broken uploads included. */
  count(): Promise<number>;
  close(): Promise<void>;
}

const digestOf = (content: Uint8Array): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;
const hour = 3_600_000;

function failsWith(code: AppError["code"]) {
  return (error: unknown) => error instanceof AppError && error.code === code;
}

async function* brokenAfter(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
  throw new Error("connection reset");
}

export function blobStoreConformance(adapter: string, open: () => Promise<BlobStoreHarness>): void {
  describe(`BlobStore: ${adapter}`, () => {
    let harness: BlobStoreHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    it("keeps bytes under their SHA-256", async () => {
      const content = randomBytes(700_000);
      const stored = await harness.store.put(Readable.from([content.subarray(0, 1), content.subarray(1)]));
      assert.deepEqual(stored, { digest: digestOf(content), bytes: content.length });
      assert.equal(await harness.store.has(stored.digest), true);
      assert.deepEqual(await readFile(await harness.store.verifiedPath(stored.digest)), content);
    });

    it("keeps an empty file", async () => {
      const stored = await harness.store.put(Readable.from([]));
      assert.deepEqual(stored, { digest: digestOf(new Uint8Array()), bytes: 0 });
      assert.equal((await readFile(await harness.store.verifiedPath(stored.digest))).length, 0);
    });

    it("accepts the announced digest and refuses another one, keeping nothing", async () => {
      const content = Buffer.from("a model");
      await harness.store.put(Readable.from([content]), { expectedDigest: digestOf(content) });
      const before = await harness.count();
      const other = Buffer.from("another model");
      await assert.rejects(harness.store.put(Readable.from([other]), { expectedDigest: digestOf(content) }), failsWith("DIGEST_MISMATCH"));
      await assert.rejects(harness.store.put(Readable.from([other]), { expectedDigest: "../../etc/passwd" }), failsWith("DIGEST_MISMATCH"));
      assert.equal(await harness.store.has(digestOf(other)), false);
      assert.equal(await harness.count(), before);
    });

    it("takes as many bytes as allowed and not one more", async () => {
      const content = randomBytes(1000);
      await assert.rejects(harness.store.put(Readable.from([content]), { maxBytes: 999 }), failsWith("BODY_TOO_LARGE"));
      assert.equal(await harness.count(), 0);
      await harness.store.put(Readable.from([content]), { maxBytes: 1000 });
      assert.equal(await harness.count(), 1);
    });

    it("keeps nothing of an upload that breaks", async () => {
      const content = randomBytes(100_000);
      await assert.rejects(harness.store.put(Readable.from(brokenAfter(content))), failsWith("BODY_INCOMPLETE"));
      assert.equal(await harness.store.has(digestOf(content)), false);
      assert.equal(await harness.count(), 0);
    });

    it("leaves the stream open when it stops reading early, so that its connection can still carry an answer", async () => {
      const content = new Readable({ read() {} });
      content.push(Buffer.alloc(100));
      await assert.rejects(harness.store.put(content, { maxBytes: 10 }), failsWith("BODY_TOO_LARGE"));
      assert.equal(content.destroyed, false);
      content.destroy();
    });

    it("stores the same content once, however many put it at the same time", async () => {
      const content = randomBytes(50_000);
      const stored = await Promise.all(Array.from({ length: 8 }, () => harness.store.put(Readable.from([content]))));
      assert.equal(new Set(stored.map((one) => one.digest)).size, 1);
      assert.equal(await harness.count(), 1);
      assert.deepEqual(await readFile(await harness.store.verifiedPath(digestOf(content))), content);
    });

    it("finds a damaged blob by hashing it again, and heals it when it is put again", async () => {
      const content = randomBytes(5000);
      const { digest } = await harness.store.put(Readable.from([content]));
      await harness.damage(digest);
      await assert.rejects(harness.store.verifiedPath(digest), failsWith("BLOB_CORRUPT"));
      await harness.store.put(Readable.from([content]));
      assert.deepEqual(await readFile(await harness.store.verifiedPath(digest)), content);
    });

    it("knows nothing under what is not a digest", async () => {
      const { digest } = await harness.store.put(Readable.from([Buffer.from("canary")]));
      const hex = digest.slice("sha256:".length);
      for (const text of ["", hex, `sha256:../${hex}`, `sha256:${hex.toUpperCase()}`, `${digest}\n`, `${digest}/..`, "sha256:..", `sha1:${hex}`, "\0"]) {
        assert.equal(await harness.store.has(text), false, text);
        await assert.rejects(harness.store.verifiedPath(text), failsWith("BLOB_NOT_FOUND"), text);
      }
      await assert.rejects(harness.store.verifiedPath(digestOf(Buffer.from("never put"))), failsWith("BLOB_NOT_FOUND"));
      assert.equal(await harness.store.has(digest), true);
    });

    it("says nothing of the machine's paths in its refusals", async () => {
      const { digest } = await harness.store.put(Readable.from([Buffer.from("x")]));
      const path = await harness.store.verifiedPath(digest);
      await harness.damage(digest);
      await assert.rejects(harness.store.verifiedPath(digest), (error: Error) => !error.message.includes(path) && !error.message.includes("/"));
    });

    it("collects old blobs that nobody names, and no others", async () => {
      const kept = await harness.store.put(Readable.from([Buffer.from("kept")]));
      const old = await harness.store.put(Readable.from([Buffer.from("old")]));
      const renewed = await harness.store.put(Readable.from([Buffer.from("renewed")]));
      await harness.age(2 * hour);
      await harness.store.put(Readable.from([Buffer.from("renewed")]));
      const young = await harness.store.put(Readable.from([Buffer.from("young")]));
      assert.equal(await harness.store.collect(new Set([kept.digest]), hour), 1);
      assert.equal(await harness.store.has(old.digest), false);
      for (const one of [kept, renewed, young]) assert.equal(await harness.store.has(one.digest), true);
      assert.equal(await harness.store.collect(new Set([kept.digest]), hour), 0);
    });

    it("never collects an upload that is still under way", async () => {
      const slow = new Readable({ read() {} });
      slow.push(Buffer.from("first half, "));
      const upload = harness.store.put(slow);
      while ((await harness.count()) === 0) await new Promise(setImmediate);
      await harness.age(2 * hour);
      assert.equal(await harness.store.collect(new Set(), hour), 0);
      slow.push(Buffer.from("second half"));
      slow.push(null);
      assert.equal((await upload).digest, digestOf(Buffer.from("first half, second half")));
    });
  });
}
