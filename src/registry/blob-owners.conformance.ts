import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import type { BlobOwners } from "./blob-owners.ts";
import { registryAddition } from "./registry-store.conformance.ts";
import type { RegistryStore } from "./registry-store.ts";

const [file, other] = [`sha256:${"1".repeat(64)}`, `sha256:${"2".repeat(64)}`];

/** What every BlobOwners promises. `open` gives one over a new, empty database, and the registry beside it. */
export function blobOwnersConformance(adapterName: string, open: () => Promise<{ owners: BlobOwners; store: RegistryStore }>): void {
  describe(`BlobOwners: ${adapterName}`, () => {
    it("knows who uploaded which file, and nobody else", async () => {
      const { owners } = await open();
      await owners.noteUpload(file, "key:a", epochMs(10));
      await owners.noteUpload(file, "key:b", epochMs(10));
      await owners.noteUpload(other, "user:c", epochMs(10));
      const has = (digest: string) => Promise.all(["key:a", "key:b", "user:c", "key:A", ""].map((actor) => owners.hasUploaded(digest, actor)));
      assert.deepEqual(await has(file), [true, true, false, false, false]);
      assert.deepEqual(await has(other), [false, false, true, false, false]);
    });

    it("forgets uploads that are too old, but for those that were renewed", async () => {
      const { owners } = await open();
      await owners.noteUpload(file, "key:a", epochMs(10));
      await owners.noteUpload(file, "key:b", epochMs(10));
      await owners.noteUpload(file, "key:b", epochMs(20));
      assert.equal(await owners.pruneUploads(epochMs(10)), 0);
      assert.equal(await owners.pruneUploads(epochMs(20)), 1);
      assert.deepEqual([await owners.hasUploaded(file, "key:a"), await owners.hasUploaded(file, "key:b")], [false, true]);
    });

    it("bears uploads of one file at once", async () => {
      const { owners } = await open();
      await Promise.all(Array.from({ length: 20 }, (_, index) => owners.noteUpload(file, `key:${index % 3}`, epochMs(index))));
      assert.equal(await owners.pruneUploads(epochMs(100)), 3);
    });

    it("names each model once of which a version has the file, with its team", async () => {
      const { owners, store } = await open();
      for (const model of ["trains", "flights", "flights"]) await store.addVersion(registryAddition(model));
      const [digest] = await store.listArtifactDigests();
      assert.deepEqual(await owners.modelsNaming(digest!), [{ name: "flights", team: "default" }, { name: "trains", team: "default" }]);
      assert.deepEqual(await owners.modelsNaming(`sha256:${"9".repeat(64)}`), []);
    });
  });
}
