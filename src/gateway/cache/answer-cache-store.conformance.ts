import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import type { AnswerCacheStore } from "./answer-cache-store.ts";

export interface AnswerCacheStoreSubject {
  store: AnswerCacheStore;
  /** Lets the store's clock go on by at least this; a store with a clock of its own waits. */
  pass(milliseconds: number): Promise<void>;
  close?(): Promise<void>;
}

/** What every AnswerCacheStore promises. */
export function answerCacheStoreConformance(adapter: string, open: () => Promise<AnswerCacheStoreSubject>): void {
  describe(`AnswerCacheStore: ${adapter}`, () => {
    let subject: AnswerCacheStoreSubject;
    beforeEach(async () => { subject = await open(); });
    afterEach(async () => subject.close?.());
    const get = async (key: string): Promise<string | null> => subject.store.get(key);

    it("knows nothing of keys that were not set", async () => {
      assert.equal(await get("unknown"), null);
      await subject.store.delete("unknown");
    });

    it("gives back any text as it was", async () => {
      await fc.assert(
        fc.asyncProperty(fc.string({ minLength: 1 }), fc.string({ unit: codePoint, maxLength: 2000 }), async (key, value) => {
          await subject.store.set(key, value, 60_000);
          assert.equal(await get(key), value);
        }),
        { numRuns: 25 },
      );
    });

    it("takes the newer value and its time", async () => {
      await subject.store.set("twice", "1", 20);
      await subject.store.set("twice", "2", 60_000);
      await subject.pass(21);
      assert.equal(await get("twice"), "2");
    });

    it("forgets a value when its time is over, however often it was read", async () => {
      await subject.store.set("short", "1", 30);
      await subject.store.get("short");
      await subject.pass(31);
      assert.equal(await get("short"), null);
    });

    it("deletes", async () => {
      await subject.store.set("gone", "1", 60_000);
      await subject.store.delete("gone");
      assert.equal(await get("gone"), null);
    });
  });
}
