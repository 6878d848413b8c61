import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { epochMs, systemClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import { SecretBox } from "../../core/secret-box.ts";
import { openSqlDatabase, SqliteDialect, SqlUpstreamHeaders, type SqlDatabase } from "../sql/index.ts";
import { SealedHeaders } from "./sealed-headers.ts";

describe("SealedHeaders", () => {
  const now = epochMs(1_800_000_000_000);
  const clock = { ...systemClock, now: () => now };
  let directory = "";
  let database: SqlDatabase;
  let store: SqlUpstreamHeaders;
  const headersWith = (key: number): SealedHeaders => new SealedHeaders({ store, secrets: () => new SecretBox(new Uint8Array(32).fill(key)), clock, ids: new TimeOrderedIds(clock) });
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-headers-"));
    database = await openSqlDatabase(new SqliteDialect({ path: join(directory, "slipway.db") }), { now });
    store = new SqlUpstreamHeaders(database);
  });
  after(async () => {
    await database.close();
    await rm(directory, { recursive: true, force: true });
  });

  it("are read with their key and for their address alone", async () => {
    const headers = headersWith(1);
    const id = await headers.keep({ Authorization: "Bearer x", "X-Ä": "" }, "https://a.example/");
    assert.deepEqual(await headers.read(id, "https://a.example/"), { Authorization: "Bearer x", "X-Ä": "" });
    const unreadable = (error: unknown): boolean => error instanceof AppError && error.code === "SECRET_UNREADABLE";
    await assert.rejects(headers.read(id, "https://b.example/"), unreadable);
    await assert.rejects(headersWith(2).read(id, "https://a.example/"), unreadable);
    await assert.rejects(headers.read("uph_none", "https://a.example/"), unreadable);
  });

  it("go when no artifact in use names them, and not while a deployment is under way", async () => {
    const headers = headersWith(1);
    const [named, unnamed, fresh] = [await headers.keep({ a: "1" }, "u"), await headers.keep({ a: "2" }, "u"), await headers.keep({ a: "3" }, "u")];
    await headers.noteArtifact(named, "sha256:named");
    await headers.noteArtifact(unnamed, "sha256:gone");
    assert.equal(await headers.removeUnused(new Set(["sha256:named"]), now), 0);
    const later = epochMs(now + 2 * 86_400_000);
    const kept = (await store.list()).length;
    assert.equal(await headers.removeUnused(new Set(["sha256:named"]), later), kept - 1);
    assert.deepEqual((await store.list()).map(({ id }) => id), [named]);
    assert.notEqual(fresh, named);
  });
});
