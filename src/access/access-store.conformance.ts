import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import type { Grant } from "../core/caller.ts";
import { epochMs } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import type { AccessStore, Session } from "./access-store.ts";
import type { ApiKey } from "./schemas.ts";

const now = epochMs(1_700_000_000_000);
const later = epochMs(now + 1000);
const by = { actor: "key:key_maker", now };

/** What a reader of the outbox would see, in the order of commits. */
export interface WrittenEvent {
  type: string;
  object: string;
  team: string;
  actor: string;
  time: number;
  payload: unknown;
}

export interface OpenedAccessStore {
  store: AccessStore;
  events: () => Promise<WrittenEvent[]>;
  /** Registers a model of the team, as the registry's store does. */
  addModel: (name: string, team: string) => Promise<void>;
}

/** What every AccessStore promises. `open` gives a store over a new database, with the team `default` in it. */
export function accessStoreConformance(adapterName: string, open: () => Promise<OpenedAccessStore>): void {
  describe(`AccessStore: ${adapterName}`, () => {
    describe("keys", () => {
      it("come back as they were written, by hash and by id, and under no other", async () => {
        const { store } = await open();
        const key = keyOf("a", { grants: [{ role: "deployer", team: "default", models: ["churn", "__proto__"] }, { role: "viewer", team: "*" }], expiresAt: later });
        const hash = randomBytes(32);
        await store.keys.add(key, hash);
        assert.deepEqual(await store.keys.findByHash(hash), { key, isFormer: false });
        assert.deepEqual(await store.keys.find(key.id), key);
        assert.equal(await store.keys.findByHash(randomBytes(32)), null);
        assert.equal(await store.keys.find("key_b"), null);
      });

      it("are listed newest first, revoked ones too", async () => {
        const { store } = await open();
        for (const [index, id] of ["a", "b", "c"].entries()) await store.keys.add(keyOf(id, { createdAt: now + index }), randomBytes(32));
        await store.keys.revoke("key_b", by);
        assert.deepEqual((await store.keys.list()).map(({ id, revokedAt }) => [id, revokedAt]), [["key_c", null], ["key_b", now], ["key_a", null]]);
      });

      it("belong to a team that is there", async () => {
        const { store, events } = await open();
        await assert.rejects(store.keys.add(keyOf("a", { team: "nobody" }), randomBytes(32)), hasCode("TEAM_NOT_FOUND"));
        assert.deepEqual([await store.keys.list(), await events()], [[], []]);
      });

      it("are made and revoked with an event each, in the same transaction, and revoked once", async () => {
        const { store, events } = await open();
        await store.keys.add(keyOf("a"), randomBytes(32));
        const revoked = await store.keys.revoke("key_a", { actor: "local", now: later });
        assert.equal(revoked?.revokedAt, later);
        assert.equal((await store.keys.revoke("key_a", { actor: "local", now: epochMs(later + 1) }))?.revokedAt, later);
        assert.equal(await store.keys.revoke("key_b", by), null);
        const event = { object: "key:key_a", team: "default", payload: { key: "key_a", name: "Key a" } };
        assert.deepEqual(await events(), [
          { type: "key.created", ...event, actor: "local", time: now },
          { type: "key.revoked", ...event, actor: "local", time: later },
        ]);
      });

      it("take a new secret beside the former one, with an event, and lose their sessions; the one before the former is nothing any more", async () => {
        const { store, events } = await open();
        const hashes = [randomBytes(32), randomBytes(32), randomBytes(32)] as const;
        const [own, others] = [randomBytes(32), randomBytes(32)];
        const key = keyOf("a", { expiresAt: later });
        await store.keys.add(key, hashes[0]);
        await store.keys.noteUses([{ id: "key_a", usedAt: now }]);
        await store.sessions.add(session, own);
        await store.sessions.add({ ...session, actor: "key:key_aa" }, others);
        const until = epochMs(later + 5);
        const rotated = await store.keys.rotate("key_a", { hash: hashes[1], hint: "slk_next", formerUntil: until, expiresAt: null }, { actor: "key:b", now: later });
        assert.deepEqual(rotated, { ...key, hint: "slk_next", expiresAt: null, lastUsedAt: now, formerUntil: until });
        const found = async (): Promise<unknown[]> => Promise.all(hashes.map(async (hash) => (await store.keys.findByHash(hash))?.isFormer ?? null));
        assert.deepEqual(await found(), [true, false, null]);
        assert.deepEqual([(await store.keys.findByHash(hashes[0]))?.key, await store.keys.find("key_a")], [rotated, rotated]);
        assert.deepEqual([await store.sessions.find(own), (await store.sessions.find(others))?.actor], [null, "key:key_aa"]);
        await store.keys.rotate("key_a", { hash: hashes[2], hint: "slk_last", formerUntil: later, expiresAt: null }, { actor: "key:b", now: later });
        assert.deepEqual(await found(), [null, true, false]);
        assert.deepEqual((await events()).slice(1), Array.from({ length: 2 }, () => ({ type: "key.rotated", object: "key:key_a", team: "default", actor: "key:b", time: later, payload: { key: "key_a", name: "Key a" } })));
      });

      it("that are revoked, or not there, take no new secret, nor one that another key has", async () => {
        const { store, events } = await open();
        const hash = randomBytes(32);
        for (const [id, own] of [["a", hash], ["b", randomBytes(32)]] as const) await store.keys.add(keyOf(id), own);
        const secret = { hash: randomBytes(32), hint: "slk_next", formerUntil: now, expiresAt: null };
        await assert.rejects(store.keys.rotate("key_b", { ...secret, hash }, by));
        await store.keys.revoke("key_a", by);
        const written = await events();
        assert.deepEqual([await store.keys.rotate("key_a", secret, by), await store.keys.rotate("key_c", secret, by)], [null, null]);
        assert.deepEqual([(await store.keys.findByHash(hash))?.isFormer, (await store.keys.find("key_b"))?.hint, await events()], [false, "slk_abcd", written]);
      });

      it("are revoked once, with one event, however many do it at once", async () => {
        const { store, events } = await open();
        await store.keys.add(keyOf("a"), randomBytes(32));
        const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => store.keys.revoke("key_a", { actor: `key:${index}`, now: epochMs(now + index) })));
        assert.equal(new Set(answers.map((answer) => answer?.revokedAt)).size, 1);
        assert.equal((await events()).filter(({ type }) => type === "key.revoked").length, 1);
      });

      it("do not take a hash twice", async () => {
        const { store, events } = await open();
        const hash = randomBytes(32);
        await store.keys.add(keyOf("a"), hash);
        await assert.rejects(store.keys.add(keyOf("b"), hash));
        assert.deepEqual([(await store.keys.list()).length, (await events()).length], [1, 1]);
      });

      it("know when they were used last, in whatever order they are told", async () => {
        const { store } = await open();
        for (const id of ["a", "b"]) await store.keys.add(keyOf(id), randomBytes(32));
        await store.keys.noteUses([{ id: "key_a", usedAt: later }, { id: "key_b", usedAt: now }, { id: "key_gone", usedAt: now }]);
        await store.keys.noteUses([{ id: "key_a", usedAt: now }, { id: "key_b", usedAt: later }]);
        await store.keys.noteUses([]);
        assert.deepEqual((await store.keys.list()).map(({ lastUsedAt }) => lastUsedAt), [later, later]);
      });

      it("that were revoked are told in order, each once, from a position on", async () => {
        const { store } = await open();
        for (const id of ["a", "b", "c"]) await store.keys.add(keyOf(id), randomBytes(32));
        await store.keys.revoke("key_a", by);
        const start = await store.keys.changedSince(null);
        assert.deepEqual(start.ids, []);
        assert.deepEqual(await store.keys.changedSince(start.position), start);
        await store.keys.revoke("key_b", by);
        await store.teams.add({ name: "fraud", description: "" }, by);
        await store.keys.revoke("key_c", by);
        const next = await store.keys.changedSince(start.position);
        assert.deepEqual(next.ids, ["key_b", "key_c"]);
        assert.deepEqual((await store.keys.changedSince(next.position)).ids, []);
        assert.deepEqual((await store.keys.changedSince(start.position)).ids, ["key_b", "key_c"]);
      });

      it("that were rotated are told too: what was known of them is old", async () => {
        const { store } = await open();
        await store.keys.add(keyOf("a"), randomBytes(32));
        const { position } = await store.keys.changedSince(null);
        await store.keys.rotate("key_a", { hash: randomBytes(32), hint: "", formerUntil: now, expiresAt: null }, by);
        assert.deepEqual((await store.keys.changedSince(position)).ids, ["key_a"]);
      });

      it("tell of every revocation that had answered before, while many are under way", async () => {
        const { store } = await open();
        const ids = Array.from({ length: 30 }, (_, index) => `k${String(index).padStart(2, "0")}`);
        for (const id of ids) await store.keys.add(keyOf(id), randomBytes(32));
        let { position } = await store.keys.changedSince(null);
        const told = new Set<string>();
        const revoked = new Set<string>();
        const revoking = Promise.all(ids.map((id) => store.keys.revoke(`key_${id}`, by).then(() => revoked.add(`key_${id}`))));
        for (let round = 0; round < 40; round++) {
          const before = [...revoked];
          const answer = await store.keys.changedSince(position);
          position = answer.position;
          for (const id of answer.ids) {
            assert.ok(!told.has(id), `${id} is told twice`);
            told.add(id);
          }
          for (const id of before) assert.ok(told.has(id), `${id} was revoked and is not told`);
        }
        await revoking;
        for (const id of (await store.keys.changedSince(position)).ids) told.add(id);
        assert.equal(told.size, ids.length);
      });

      it("tell whether an admin of the whole server is among those that are good", async () => {
        const { store } = await open();
        const admin: Grant = { role: "admin", team: "*" };
        await store.teams.add({ name: "fraud", description: "" }, by);
        const notOne: Grant[][] = [[{ role: "deployer", team: "*" }], [{ role: "admin", team: "fraud" }], [{ role: "admin", team: "*", models: ["m"] }], [{ role: "admin", team: "*", experiments: ["e"] }]];
        for (const [index, grants] of notOne.entries()) await store.keys.add(keyOf(`n${index}`, { grants }), randomBytes(32));
        await store.keys.add(keyOf("expired", { grants: [admin], expiresAt: now }), randomBytes(32));
        await store.keys.add(keyOf("revoked", { grants: [admin] }), randomBytes(32));
        await store.keys.revoke("key_revoked", by);
        assert.equal(await store.keys.hasServerAdmin(now), false);
        await store.keys.add(keyOf("one", { grants: [admin], expiresAt: later }), randomBytes(32));
        assert.equal(await store.keys.hasServerAdmin(now), true);
        assert.equal(await store.keys.hasServerAdmin(later), false);
      });
    });

    describe("teams", () => {
      it("start with default, and are listed by name with what counts", async () => {
        const { store, addModel } = await open();
        await store.teams.add({ name: "fraud", description: "Finds 'fraud' 💡" }, by);
        await addModel("churn", "fraud");
        await addModel("flights", "fraud");
        await addModel("other", "default");
        await store.keys.add(keyOf("a", { team: "fraud" }), randomBytes(32));
        await store.keys.add(keyOf("expired", { team: "fraud", expiresAt: now }), randomBytes(32));
        await store.keys.add(keyOf("revoked", { team: "fraud" }), randomBytes(32));
        await store.keys.revoke("key_revoked", by);
        assert.deepEqual((await store.teams.list(now)).map(({ name, description, models, keys }) => [name, description, models, keys]), [
          ["default", "Everything that names no other team.", 1, 0],
          ["fraud", "Finds 'fraud' 💡", 2, 1],
        ]);
        assert.deepEqual([await store.teams.exists("fraud"), await store.teams.exists("Fraud")], [true, false]);
      });

      it("are there once, and made and removed with an event each", async () => {
        const { store, events } = await open();
        await store.teams.add({ name: "fraud", description: "" }, by);
        await assert.rejects(store.teams.add({ name: "fraud", description: "again" }, by), hasCode("TEAM_EXISTS"));
        await store.teams.remove("fraud", { actor: "local", now: later });
        await assert.rejects(store.teams.remove("fraud", by), hasCode("TEAM_NOT_FOUND"));
        assert.deepEqual((await events()).map(({ type, object, team, actor, time }) => [type, object, team, actor, time]), [
          ["team.created", "team:fraud", "fraud", by.actor, now],
          ["team.removed", "team:fraud", "fraud", "local", later],
        ]);
      });

      it("stay while something is theirs or a live grant names them, and nothing of the removal stays", async () => {
        const { store, addModel, events } = await open();
        for (const name of ["models", "keys", "granted", "members", "free"]) await store.teams.add({ name, description: "" }, by);
        await addModel("m", "models");
        await store.keys.add(keyOf("a", { team: "keys" }), randomBytes(32));
        await store.keys.add(keyOf("b", { grants: [{ role: "viewer", team: "granted" }] }), randomBytes(32));
        await store.users.signIn({ ...identity, grants: [{ role: "viewer", team: "members" }] }, now);
        const before = await events();
        for (const name of ["models", "keys", "granted", "members"]) {
          await assert.rejects(store.teams.remove(name, by), hasCode("TEAM_NOT_EMPTY"), name);
          assert.equal(await store.teams.exists(name), true, name);
        }
        assert.deepEqual(await events(), before);
        for (const id of ["key_a", "key_b"]) await store.keys.revoke(id, by);
        for (const name of ["keys", "granted", "free"]) await store.teams.remove(name, by);
      });

      it("do not go while a key is being added to them: one of the two fails", async () => {
        const { store } = await open();
        for (let round = 0; round < 10; round++) {
          const team = `t${round}`;
          await store.teams.add({ name: team, description: "" }, by);
          const [added, removed] = await Promise.allSettled([store.keys.add(keyOf(`r${round}`, { team }), randomBytes(32)), store.teams.remove(team, by)]);
          assert.notEqual(added.status, removed.status);
          assert.equal(await store.teams.exists(team), added.status === "fulfilled");
        }
      });
    });

    describe("users", () => {
      it("are added at their first sign-in and brought up to date at later ones, under one id", async () => {
        const { store } = await open();
        const first = await store.users.signIn(identity, now);
        assert.deepEqual(first, { id: "usr_a", name: "Ada", email: "ada@example.com", issuer: identity.issuer, grants: [...identity.grants], createdAt: now, signedInAt: now, disabledAt: null });
        const second = await store.users.signIn({ ...identity, id: "usr_other", name: "Ada L.", email: "a@example.com", grants: [] }, later);
        assert.deepEqual(second, { ...first, name: "Ada L.", email: "a@example.com", grants: [], signedInAt: later });
        assert.deepEqual(await store.users.find("usr_a"), second);
        assert.equal(await store.users.find("usr_other"), null);
      });

      it("are told apart by issuer and subject, and listed by name", async () => {
        const { store } = await open();
        await store.users.signIn(identity, now);
        await store.users.signIn({ ...identity, id: "usr_b", issuer: "https://other.example.com", name: "Zoe" }, now);
        await store.users.signIn({ ...identity, id: "usr_c", subject: "2", name: "Bob" }, now);
        assert.deepEqual((await store.users.list()).map(({ id, name }) => [id, name]), [["usr_a", "Ada"], ["usr_c", "Bob"], ["usr_b", "Zoe"]]);
      });

      it("stay disabled when they sign in, since then, and lose their sessions alone", async () => {
        const { store } = await open();
        await store.users.signIn(identity, now);
        const [own, others] = [randomBytes(32), randomBytes(32)];
        await store.sessions.add({ ...session, actor: "user:usr_a" }, own);
        await store.sessions.add({ ...session, actor: "user:usr_aa" }, others);
        assert.equal((await store.users.setDisabled("usr_a", true, by))?.user.disabledAt, now);
        assert.equal((await store.users.setDisabled("usr_a", true, { ...by, now: later }))?.user.disabledAt, now);
        assert.equal((await store.users.signIn(identity, later)).disabledAt, now);
        assert.deepEqual([await store.sessions.find(own), (await store.sessions.find(others))?.actor], [null, "user:usr_aa"]);
        assert.equal((await store.users.setDisabled("usr_a", false, by))?.user.disabledAt, null);
        assert.equal(await store.users.setDisabled("usr_none", true, by), null);
      });

      it("take along the keys that they made, and those that these made, each with an event, and get none back", async () => {
        const { store, events } = await open();
        for (const id of ["usr_a", "usr_b"]) await store.users.signIn({ ...identity, id, subject: id }, now);
        const made: [string, string][] = [["direct", "user:usr_a"], ["gone", "user:usr_a"], ["child", "key:key_direct"], ["orphan", "key:key_gone"], ["deep", "key:key_orphan"], ["hers", "user:usr_b"], ["other", "key:key_hers"]];
        for (const [id, createdBy] of made) await store.keys.add(keyOf(id, { createdBy, team: "default" }), randomBytes(32));
        await store.keys.revoke("key_gone", by);
        const before = (await events()).length;
        const theirs = ["key_child", "key_deep", "key_direct", "key_orphan"];
        const change = (await store.users.setDisabled("usr_a", true, { actor: "key:admin", now: later }))!;
        assert.deepEqual(change.revokedKeys.sort(), theirs);
        const good = async (): Promise<string[]> => (await store.keys.list()).filter(({ revokedAt }) => revokedAt === null).map(({ id }) => id).sort();
        assert.deepEqual(await good(), ["key_hers", "key_other"]);
        assert.equal((await store.keys.find("key_gone"))?.revokedAt, now);
        const written = (await events()).slice(before);
        assert.deepEqual(written.map(({ type, object, actor, time }) => `${type} ${object} ${actor} ${time}`).sort(), theirs.map((id) => `key.revoked key:${id} key:admin ${later}`));
        assert.deepEqual((await store.users.setDisabled("usr_a", false, by))?.revokedKeys, []);
        assert.deepEqual((await store.users.setDisabled("usr_a", true, by))?.revokedKeys, []);
        assert.deepEqual(await good(), ["key_hers", "key_other"]);
      });

      it("take along what they rotated, while the secret that they were given works; a later rotation frees the key", async () => {
        const { store } = await open();
        const admin = { actor: "user:usr_a", now };
        await store.users.signIn(identity, now);
        const rotate = (id: string, actor: string, formerUntil = now): Promise<unknown> =>
          store.keys.rotate(`key_${id}`, { hash: randomBytes(32), hint: "", formerUntil, expiresAt: null }, { actor, now });
        for (const id of ["theirs", "again", "grace", "self"]) await store.keys.add(keyOf(id), randomBytes(32));
        for (const id of ["theirs", "again", "grace"]) await rotate(id, admin.actor);
        await rotate("again", "key:other");
        await rotate("grace", "key:other", epochMs(later + 1));
        await rotate("self", "key:key_self");
        const { revokedKeys } = (await store.users.setDisabled("usr_a", true, { actor: "key:admin", now: later }))!;
        assert.deepEqual(revokedKeys.sort(), ["key_grace", "key_theirs"]);
        await assert.rejects(rotate("again", admin.actor), hasCode("UNAUTHENTICATED"));
      });

      it("make no key while they are disabled, nor do their keys: what is being made is revoked too, or refused", async () => {
        const { store } = await open();
        for (let round = 0; round < 10; round++) {
          const id = `usr_${round}`;
          await store.users.signIn({ ...identity, id, subject: id }, now);
          await store.keys.add(keyOf(`first${round}`, { createdBy: `user:${id}` }), randomBytes(32));
          const [disabled, ...added] = await Promise.allSettled([
            store.users.setDisabled(id, true, by),
            store.keys.add(keyOf(`own${round}`, { createdBy: `user:${id}` }), randomBytes(32)),
            store.keys.add(keyOf(`child${round}`, { createdBy: `key:key_first${round}` }), randomBytes(32)),
          ]);
          assert.equal(disabled.status, "fulfilled");
          for (const each of added) if (each.status === "rejected") assert.ok(hasCode("UNAUTHENTICATED")(each.reason), String(each.reason));
          assert.deepEqual((await store.keys.list()).filter(({ id: key, revokedAt }) => key.endsWith(String(round)) && revokedAt === null), []);
          await assert.rejects(store.keys.add(keyOf(`late${round}`, { createdBy: `user:${id}` }), randomBytes(32)), hasCode("UNAUTHENTICATED"));
          await assert.rejects(store.keys.add(keyOf(`later${round}`, { createdBy: `key:key_first${round}` }), randomBytes(32)), hasCode("UNAUTHENTICATED"));
        }
      });
    });

    describe("sessions", () => {
      it("are found by their hash until they are removed", async () => {
        const { store } = await open();
        const hash = randomBytes(32);
        await store.sessions.add(session, hash);
        assert.deepEqual(await store.sessions.find(hash), session);
        assert.equal(await store.sessions.find(randomBytes(32)), null);
        assert.equal(await store.sessions.remove(hash), true);
        assert.equal(await store.sessions.remove(hash), false);
        assert.equal(await store.sessions.find(hash), null);
      });

      it("go when they are over", async () => {
        const { store } = await open();
        const [over, good] = [randomBytes(32), randomBytes(32)];
        await store.sessions.add({ ...session, expiresAt: now }, over);
        await store.sessions.add({ ...session, expiresAt: later }, good);
        await store.sessions.removeExpired(now);
        assert.deepEqual([await store.sessions.find(over), (await store.sessions.find(good))?.expiresAt], [null, later]);
      });
    });
  });
}

const identity = { id: "usr_a", issuer: "https://id.example.com", subject: "1", name: "Ada", email: "ada@example.com", grants: [{ role: "viewer", team: "*" }] as const };
const session: Session = { actor: "key:key_a", createdAt: now, expiresAt: later };

export function keyOf(id: string, more: Partial<ApiKey> = {}): ApiKey {
  return {
    id: `key_${id}`, name: `Key ${id}`, hint: "slk_abcd", grants: [{ role: "viewer", team: "*" }], team: "default", createdBy: "local",
    createdAt: now, expiresAt: null, revokedAt: null, lastUsedAt: null, formerUntil: null, ...more,
  };
}

function hasCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code;
}
