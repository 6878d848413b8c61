import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { KeyStore, ShownKey } from "./access-store.ts";
import { KnownKeys } from "./known-keys.ts";
import type { ApiKey } from "./schemas.ts";
import { newSecret, secretHash } from "./secret-text.ts";

/** Keys as another process sees and changes them. */
class FakeKeyStore implements Pick<KeyStore, "findByHash" | "find" | "changedSince" | "noteUses"> {
  readonly keys = new Map<string, ApiKey>();
  /** The present secret of the key that had this one. */
  readonly former = new Map<string, string>();
  readonly changes: string[] = [];
  readonly uses: { id: string; usedAt: number }[][] = [];
  reads = 0;
  refreshes = 0;
  failure: Error | undefined;
  hang: Promise<void> | undefined;
  /** Called between the reading of a key and its answer. */
  onRead: () => Promise<void> | void = () => undefined;

  add(more: Partial<ApiKey> = {}): { hash: string; id: string } {
    const hash = secretHash(newSecret("slk_"));
    const id = `key_${this.keys.size}`;
    this.keys.set(hash, {
      id, name: id, hint: "", grants: [{ role: "viewer", team: "*" }], team: "default", createdBy: "local", createdAt: 0, expiresAt: null, revokedAt: null, lastUsedAt: null, formerUntil: null, ...more,
    });
    return { hash, id };
  }

  revoke(hash: string): void {
    const key = this.keys.get(hash)!;
    this.keys.set(hash, { ...key, revokedAt: 1 });
    this.changes.push(key.id);
  }

  /** The key gets another secret; the one it had is the former one. */
  rotate(hash: string, formerUntil: number): string {
    const next = secretHash(newSecret("slk_"));
    const key = this.keys.get(hash)!;
    this.keys.set(next, { ...key, formerUntil });
    this.former.set(hash, next);
    this.keys.delete(hash);
    this.changes.push(key.id);
    return next;
  }

  async findByHash(hash: Uint8Array): Promise<ShownKey | null> {
    const text = Buffer.from(hash).toString("hex");
    const key = this.keys.get(this.former.get(text) ?? text);
    return this.#read(key === undefined ? null : { key, isFormer: this.former.has(text) });
  }

  async find(id: string): Promise<ApiKey | null> {
    return this.#read([...this.keys.values()].find((key) => key.id === id) ?? null);
  }

  async changedSince(position: number | null): Promise<{ position: number; ids: string[] }> {
    this.refreshes++;
    await (this.hang ?? Promise.resolve());
    if (this.failure !== undefined) throw this.failure;
    return { position: this.changes.length, ids: position === null ? [] : this.changes.slice(position) };
  }

  async noteUses(uses: readonly { id: string; usedAt: number }[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.uses.push([...uses]);
    await Promise.resolve();
  }

  async #read<Read>(key: Read): Promise<Read> {
    this.reads++;
    if (this.failure !== undefined) throw this.failure;
    await this.onRead();
    return key;
  }
}

function open(): { store: FakeKeyStore; clock: ManualClock; known: KnownKeys; use: (hash: string) => Promise<string> } {
  const store = new FakeKeyStore();
  const clock = new ManualClock();
  const known = new KnownKeys(store as unknown as KeyStore, clock);
  const use = async (hash: string): Promise<string> => {
    try {
      return (await known.byHash(hash, clock.now()))?.actor ?? "nobody";
    } catch (error) {
      return error instanceof AppError ? error.message : String(error);
    }
  };
  return { store, clock, known, use };
}

describe("KnownKeys", () => {
  it("reads a key once, and then answers without waiting", async () => {
    const { store, known, clock, use } = open();
    const { hash } = store.add();
    assert.equal(await use(hash), "key:key_0");
    for (let count = 0; count < 100; count++) {
      const caller = known.byHash(hash, clock.now());
      assert.ok(!(caller instanceof Promise));
      assert.equal(caller?.actor, "key:key_0");
    }
    assert.deepEqual([store.reads, store.refreshes], [1, 1]);
  });

  it("refuses a key that was revoked in this process from the next request on, under its hash and its id", async () => {
    const { store, known, clock, use } = open();
    const { hash, id } = store.add();
    await use(hash);
    store.revoke(hash);
    known.forget(id);
    assert.equal(await use(hash), "The API key was revoked.");
    await assert.rejects(async () => known.byId(id, clock.now()), { code: "UNAUTHENTICATED" });
  });

  it("refuses a key that another process has revoked within five seconds, also while it is used all the time", async () => {
    const { store, clock, use } = open();
    const { hash } = store.add();
    await use(hash);
    store.revoke(hash);
    const answers: string[] = [];
    for (let passed = 0; passed <= 5000; passed += 250, clock.advance(250)) {
      answers.push(await use(hash));
      // What goes on beside the request may end.
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    assert.equal(answers[0], "key:key_0");
    assert.equal(answers.at(-1), "The API key was revoked.");
    assert.ok(answers.lastIndexOf("key:key_0") * 250 <= 5000);
  });

  it("waits for what was revoked when it has not asked for longer than that", async () => {
    const { store, clock, use } = open();
    const { hash } = store.add();
    await use(hash);
    store.revoke(hash);
    clock.advance(5001);
    assert.equal(await use(hash), "The API key was revoked.");
  });

  it("forgets everything after an hour without a request", async () => {
    const { store, clock, use } = open();
    const { hash } = store.add();
    await use(hash);
    store.revoke(hash);
    store.changes.length = 0; // whoever keeps the outbox has removed what is old
    clock.advance(3_600_001);
    assert.equal(await use(hash), "The API key was revoked.");
  });

  it("does not keep what it read while the key was being revoked", async () => {
    const { store, known, use } = open();
    const { hash, id } = store.add();
    await use(store.add().hash);
    store.onRead = () => {
      store.onRead = () => undefined;
      store.revoke(hash);
      known.forget(id);
    };
    assert.equal(await use(hash), "The API key was revoked.");
    assert.equal(await use(hash), "The API key was revoked.");
  });

  it("trusts what it knew for a minute while the database does not answer, and no longer", async () => {
    const { store, clock, use } = open();
    const { hash } = store.add();
    const other = store.add();
    await use(hash);
    store.failure = new AppError("DATABASE_UNAVAILABLE", "away");
    clock.advance(30_000);
    assert.equal(await use(hash), "key:key_0");
    assert.equal(await use(other.hash), "away");
    clock.advance(31_000);
    assert.equal(await use(hash), "away");
    store.failure = undefined;
    assert.equal(await use(hash), "key:key_0");
  });

  it("lets requests of known keys wait for a database that hangs once, a second, and not again", async () => {
    const { store, clock, known, use } = open();
    const { hash } = store.add();
    await use(hash);
    let release = (): void => undefined;
    store.hang = new Promise((resolve) => (release = resolve));
    clock.advance(5001);
    assert.equal(await use(hash), "key:key_0");
    for (let second = 6; second < 60; second++) {
      clock.advance(1000);
      assert.ok(!(known.byHash(hash, clock.now()) instanceof Promise), `after ${second} s`);
    }
    store.revoke(hash);
    release();
    store.hang = undefined;
    clock.advance(1000);
    assert.equal(await use(hash), "The API key was revoked.");
  });

  it("takes the former secret of a key that was rotated until its grace ends, as one that was replaced and ends then", async () => {
    const { store, clock, known, use } = open();
    const { hash, id } = store.add({ expiresAt: clock.now() + 60_000 });
    await use(hash);
    const until = epochMs(clock.now() + 4000);
    const next = store.rotate(hash, until);
    known.forget(id);
    for (const shown of [hash, next, hash]) assert.equal(await use(shown), "key:key_0");
    const callers = await Promise.all([known.byHash(hash, clock.now()), known.byHash(next, clock.now()), known.byId(id, clock.now())]);
    assert.deepEqual(callers.map((caller) => [caller?.expiresAt, caller?.replaced]), [[until, true], [clock.now() + 60_000, undefined], [clock.now() + 60_000, undefined]]);
    clock.advance(3999);
    assert.equal(await use(hash), "key:key_0");
    clock.advance(1);
    for (let again = 0; again < 2; again++) assert.equal(await use(hash), "The API key was rotated: this secret has ended, and another one is in its place.");
    assert.equal(await use(next), "key:key_0");
    assert.equal(known.has(hash), true, "whoever still shows it guesses nothing");
  });

  it("refuses what another process has replaced within five seconds, and takes the new secret at once", async () => {
    const { store, clock, use } = open();
    const { hash } = store.add();
    await use(hash);
    const next = store.rotate(hash, clock.now());
    assert.equal(await use(next), "key:key_0");
    clock.advance(5001);
    assert.equal(await use(hash), "The API key was rotated: this secret has ended, and another one is in its place.");
    assert.equal(await use(next), "key:key_0");
  });

  it("ends a key at its time, and says so", async () => {
    const { store, clock, use } = open();
    const { hash } = store.add({ expiresAt: clock.now() + 1000 });
    assert.equal(await use(hash), "key:key_0");
    clock.advance(999);
    assert.equal(await use(hash), "key:key_0");
    clock.advance(1);
    assert.equal(await use(hash), "The API key has expired.");
  });

  it("asks for an unknown key once in five seconds, and finds one that is made since", async () => {
    const { store, clock, use } = open();
    const hash = secretHash(newSecret("slk_"));
    for (let count = 0; count < 10; count++) assert.equal(await use(hash), "nobody");
    assert.equal(store.reads, 1);
    store.keys.set(hash, { ...store.keys.get(store.add().hash)!, id: "key_new" });
    clock.advance(5000);
    assert.equal(await use(hash), "key:key_new");
  });

  it("notes the uses of a key once a minute, together", async () => {
    const { store, clock, known, use } = open();
    const hashes = [store.add().hash, store.add().hash];
    const start = clock.now();
    for (const hash of [...hashes, ...hashes]) await use(hash);
    await known.flush();
    await known.flush();
    clock.advance(59_999);
    for (const hash of hashes) await use(hash);
    await known.flush();
    clock.advance(1);
    await use(hashes[0]!);
    await known.flush();
    assert.deepEqual(store.uses, [
      [{ id: "key_0", usedAt: start }, { id: "key_1", usedAt: start }],
      [{ id: "key_0", usedAt: epochMs(start + 60_000) }],
    ]);
  });

  it("notes uses that could not be written with the next ones, the newest of each key", async () => {
    const { store, clock, known, use } = open();
    const hashes = [store.add().hash, store.add().hash];
    const start = clock.now();
    for (const hash of hashes) await use(hash);
    store.failure = new AppError("DATABASE_UNAVAILABLE", "away");
    await assert.rejects(known.flush(), { code: "DATABASE_UNAVAILABLE" });
    store.failure = undefined;
    clock.advance(60_000);
    await use(hashes[0]!);
    await known.flush();
    await known.flush();
    assert.deepEqual(store.uses, [[{ id: "key_0", usedAt: epochMs(start + 60_000) }, { id: "key_1", usedAt: start }]]);
  });

  it("tells callers who the key is until when", async () => {
    const { store, clock, known } = open();
    const { id } = store.add({ expiresAt: clock.now() + 5, grants: [{ role: "deployer", team: "fraud" }] });
    assert.deepEqual(await known.byId(id, clock.now()), { actor: "key:key_0", name: "key_0", grants: [{ role: "deployer", team: "fraud" }], expiresAt: clock.now() + 5 });
    assert.equal(await known.byId("key_none", clock.now()), null);
  });
});
