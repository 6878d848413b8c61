import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { keyEndCheck } from "./key-end-check.ts";
import type { ApiKey } from "./schemas.ts";

const dayMs = 86_400_000;
const now = epochMs(1_000 * dayMs);
const key = (name: string, endsInDays: number | null, more: Partial<ApiKey> = {}): ApiKey => ({
  id: `key_${name}`, name, hint: "slw_ab", grants: [], team: "default", createdBy: "local", createdAt: 0, expiresAt: endsInDays === null ? null : now + endsInDays * dayMs, revokedAt: null, formerUntil: null, lastUsedAt: now - dayMs, ...more,
});
const checked = async (...keys: ApiKey[]): Promise<string> => {
  const { state, finding } = await keyEndCheck({ list: () => Promise.resolve(keys) }).run(now);
  return `${state}: ${finding}`;
};

describe("keys that end soon", () => {
  it("are named where somebody uses them, the first to end first", async () => {
    assert.equal(await checked(key("later", 13.5), key("ended", -2.5), key("soon", 0.5), key("far", 80), key("never", null)), "warning: ended (key_ended) ended 2 days ago, soon (key_soon) ends in less than a day, later (key_later) ends in 13 days.");
  });

  it("are no finding where nobody misses them", async () => {
    assert.equal(await checked(key("far", 80), key("never", null)), "ok: None of the 2 in use ends within 14 days.");
    assert.equal(await checked(key("unused", 1, { formerUntil: null, lastUsedAt: null }), key("old", 1, { formerUntil: null, lastUsedAt: now - 40 * dayMs }), key("revoked", 1, { revokedAt: now })), "skipped: No key was used of late.");
  });
});
