import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import type { SetupStore, SetupToken } from "./setup-store.ts";

export function setupStoreConformance(adapter: string, open: () => Promise<SetupStore>): void {
  describe(`SetupStore: ${adapter}`, () => {
    const token = (text: string): SetupToken => ({ hash: new Uint8Array(createHash("sha256").update(text).digest()), createdAt: epochMs(1000), expiresAt: epochMs(2000) });

    it("gives a token to one of many that ask for it", async () => {
      const store = await open();
      const given = token("a");
      await store.replace(given);
      assert.equal(await store.take(token("b").hash, epochMs(1500)), null);
      const taken = await Promise.all(Array.from({ length: 8 }, () => store.take(given.hash, epochMs(1500))));
      assert.deepEqual(taken.filter((one) => one !== null).map(({ hash, ...times }) => ({ ...times, hash: new Uint8Array(hash) })), [given]);
    });

    it("gives no token after its time", async () => {
      const store = await open();
      await store.replace(token("a"));
      assert.equal(await store.take(token("a").hash, epochMs(2000)), null);
      assert.equal((await store.take(token("a").hash, epochMs(1999)))?.expiresAt, 2000);
    });

    it("keeps the newest token alone, and none when all are removed", async () => {
      const store = await open();
      await store.replace(token("a"));
      await store.replace(token("b"));
      assert.equal(await store.take(token("a").hash, epochMs(1500)), null);
      await store.removeAll();
      assert.equal(await store.take(token("b").hash, epochMs(1500)), null);
    });
  });
}
