import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { KeyStore } from "./access-store.ts";
import { KnownKeys } from "./known-keys.ts";
import type { ApiKey } from "./schemas.ts";
import { hashBytes, newSecret, secretHash } from "./secret-text.ts";

/** Keys as another process sees and changes them. */
class FakeKeyStore implements Pick<KeyStore, "findByHash" | "find" | "revokedSince" | "noteUses"> {
  readonly keys = new Map<string, ApiKey>();
  readonly revocations: string[] = [];
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
      id, name: id, hint: "", grants: [{ role: "viewer", team: "*" }], team: "default", createdBy: "local", createdAt: 0, expiresAt: null, revokedAt: null, lastUsedAt: null, ...more,
    });
    return { hash, id };
  }

  revoke(hash: string): void {
    const key = this.keys.get(hash)!;
    this.keys.set(hash, { ...key, revokedAt: 1 });
    this.revocations.push(key.id);
  }

  async findByHash(hash: Uint8Array): Promise<ApiKey | null> {
    return this.#read([...this.keys].find(([text]) => Buffer.from(hashBytes(text)).equals(hash))?.[1] ?? null);
  }

  async find(id: string): Promise<ApiKey | null> {
    return this.#read([...this.keys.values()].find((key) => key.id === id) ?? null);
  }

  async revokedSince(position: number | null): Promise<{ position: number; ids: string[] }> {
    this.refreshes++;
    await (this.hang ?? Promise.resolve());
    if (this.failure !== undefined) throw this.failure;
    return { position: this.revocations.length, ids: position === null ? [] : this.revocations.slice(position) };
  }

  async noteUses(uses: readonly { id: string; usedAt: number }[]): Promise<void> {
    this.uses.push([...uses]);
    await Promise.resolve();
  }

  async #read(key: ApiKey | null): Promise<ApiKey | null> {
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
    store.revocations.length = 0; // whoever keeps the outbox has removed what is old
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

  it("tells callers who the key is until when", async () => {
    const { store, clock, known } = open();
    const { id } = store.add({ expiresAt: clock.now() + 5, grants: [{ role: "deployer", team: "fraud" }] });
    assert.deepEqual(await known.byId(id, clock.now()), { actor: "key:key_0", name: "key_0", grants: [{ role: "deployer", team: "fraud" }], expiresAt: clock.now() + 5 });
    assert.equal(await known.byId("key_none", clock.now()), null);
  });
});
