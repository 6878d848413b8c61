import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canonicalJson, digestOfText } from "../core/canonical-json.ts";
import { epochMs } from "../core/clock.ts";
import type { AuditEntry, AuditLog } from "./audit-log.ts";

export function auditEntry(given: Partial<AuditEntry> = {}): AuditEntry {
  return { time: epochMs(1_700_000_000_000), actor: "key:key_1", action: "deployVersion", object: "model:churn", result: "allowed", requestId: "req_1", detail: {}, ...given };
}

/** Each `open` answers with handles of one new database: as many as are asked for, as processes would have them. */
export function auditLogConformance(adapter: string, open: (handles: number) => Promise<AuditLog[]>): void {
  describe(`AuditLog: ${adapter}`, () => {
    const openOne = async (): Promise<AuditLog> => (await open(1))[0]!;

    it("starts empty, and an append of nothing leaves it so", async () => {
      const log = await openOne();
      assert.deepEqual(await log.head(), { sequence: 0, hash: "" });
      assert.deepEqual(await log.append([]), { sequence: 0, hash: "" });
      assert.deepEqual([await log.list({ limit: 10 }), await log.page(0, 10)], [[], []]);
    });

    it("hashes each entry over its content and the hash before it", async () => {
      const log = await openOne();
      const first = await log.append([auditEntry({ detail: { b: 1, a: ["é", null, "\0"] } })]);
      const head = await log.append([auditEntry({ action: "createKey", object: "" }), auditEntry({ result: "denied" })]);
      const stored = await log.page(0, 10);
      assert.deepEqual(stored.map(({ sequence }) => sequence), [1, 2, 3]);
      let previousHash = "";
      for (const { detailJson, hash, ...entry } of stored) {
        assert.equal(entry.previousHash, previousHash);
        assert.equal(hash, digestOfText(canonicalJson({ ...entry, detail: JSON.parse(detailJson) as unknown })));
        previousHash = hash;
      }
      assert.deepEqual([first.hash, head], [stored[0]!.hash, { sequence: 3, hash: stored[2]!.hash }]);
      assert.deepEqual(await log.head(), head);
      assert.equal(stored[0]!.detailJson, '{"a":["é",null,"\\u0000"],"b":1}');
    });

    it("lists newest first, filtered, in pages", async () => {
      const log = await openOne();
      await log.append([
        auditEntry({ actor: "a", action: "x" }), auditEntry({ actor: "b", action: "x", result: "failed" }),
        auditEntry({ actor: "a", action: "y", object: "key:1" }), auditEntry({ actor: "a", action: "x", detail: { n: 4 } }),
      ]);
      const sequences = async (query: Partial<Parameters<AuditLog["list"]>[0]>): Promise<number[]> => (await log.list({ limit: 10, ...query })).map(({ sequence }) => sequence);
      assert.deepEqual(await sequences({}), [4, 3, 2, 1]);
      assert.deepEqual(await sequences({ limit: 2 }), [4, 3]);
      assert.deepEqual(await sequences({ limit: 2, before: 3 }), [2, 1]);
      assert.deepEqual(await sequences({ actor: "a", action: "x" }), [4, 1]);
      assert.deepEqual([await sequences({ object: "key:1" }), await sequences({ result: "failed" }), await sequences({ actor: "c" })], [[3], [2], []]);
      assert.deepEqual((await log.list({ limit: 1 }))[0]!.detail, { n: 4 });
    });

    it("keeps one chain under writers that come at the same time", async () => {
      const logs = await open(3);
      const appends = Array.from({ length: 60 }, (_, index) => logs[index % logs.length]!.append(Array.from({ length: (index % 3) + 1 }, (_, place) => auditEntry({ detail: { index, place } }))));
      const heads = await Promise.all(appends);
      const stored = await logs[0]!.page(0, 1000);
      assert.equal(stored.length, 120);
      assert.deepEqual(stored.map(({ sequence }) => sequence), Array.from({ length: 120 }, (_, index) => index + 1));
      for (const [index, entry] of stored.entries()) assert.equal(entry.previousHash, stored[index - 1]?.hash ?? "");
      assert.equal(new Set(heads.map(({ sequence }) => sequence)).size, 60);
      for (const log of logs) assert.deepEqual(await log.head(), { sequence: 120, hash: stored[119]!.hash });
      // The entries of one append stand together.
      for (const { index, start } of heads.map(({ sequence }, index) => ({ index, start: sequence - (index % 3) - 1 }))) {
        const details = stored.slice(start, start + (index % 3) + 1).map(({ detailJson }) => JSON.parse(detailJson) as unknown);
        assert.deepEqual(details, Array.from({ length: (index % 3) + 1 }, (_, place) => ({ index, place })));
      }
    });

    it("takes a group of many hundred entries whole", async () => {
      const log = await openOne();
      assert.equal((await log.append(Array.from({ length: 777 }, () => auditEntry()))).sequence, 777);
      assert.equal((await log.page(700, 1000)).length, 77);
    });
  });
}
