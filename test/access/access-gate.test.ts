import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openAccess, type AccessUnderTest } from "./access-callers.ts";
import { anonymousCaller, localCaller, type Caller } from "../../src/core/caller.ts";
import { systemClock } from "../../src/core/clock.ts";
import { toAppError } from "../../src/core/errors.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { Credentials } from "../../src/core/request-gate.ts";
import { AccessServices } from "../../src/access/index.ts";
import { newSecret } from "../../src/access/secret-text.ts";

const root: Caller = { actor: "setup", name: "setup", grants: [{ role: "admin", team: "*" }] };
const shown = (more: Partial<Credentials> = {}): Credentials => ({ authorization: undefined, cookie: undefined, address: "192.0.2.1", ...more });

describe("AccessGate", () => {
  let under: AccessUnderTest;
  before(async () => { under = await openAccess({ attempts: { burst: 5 } }); });
  after(() => under.close());

  /** Who it is, or the code of the refusal. */
  async function identify(more: Partial<Credentials>): Promise<string> {
    try {
      return (await under.access.gate.identify(shown(more), under.clock.now())).actor;
    } catch (thrown) {
      return toAppError(thrown).code;
    }
  }

  const makeKey = (name = "test") => under.access.keys.issue(root, { name, grants: [{ role: "viewer", team: "*" }], team: "default", expiresAt: null }, under.clock.now());

  it("takes whoever shows nothing for nobody, or on an open server for the person at the machine", async () => {
    assert.equal(await under.access.gate.identify(shown(), under.clock.now()), anonymousCaller);
    const open = await openAccess({ mode: "open" });
    try {
      assert.equal(await open.access.gate.identify(shown(), open.clock.now()), localCaller);
      assert.equal(await open.access.gate.identify(shown({ cookie: `sid=${newSecret("sls_")}` }), open.clock.now()), localCaller);
      await assert.rejects(async () => open.access.gate.identify(shown({ authorization: `Bearer ${newSecret("slk_")}` }), open.clock.now()), { code: "UNAUTHENTICATED" });
    } finally {
      await open.close();
    }
  });

  it("ends a key's sessions with the key, and each 12 hours after its start or when it is signed out", async () => {
    const { access, clock } = under;
    const key = await makeKey();
    const [first, second, third] = [await access.sessions.start(`key:${key.id}`, clock.now()), await access.sessions.start(`key:${key.id}`, clock.now()), await access.sessions.start(`key:${key.id}`, clock.now())];
    for (const session of [first, second, third]) assert.equal(await identify({ cookie: `sid=${session}` }), `key:${key.id}`);
    await access.sessions.end(first);
    assert.equal(await identify({ cookie: `sid=${first}` }), "anonymous");
    clock.advance(12 * 3_600_000 - 1);
    assert.equal(await identify({ cookie: `sid=${second}` }), `key:${key.id}`);
    const fresh = await access.sessions.start(`key:${key.id}`, clock.now());
    clock.advance(1);
    assert.equal(await identify({ cookie: `sid=${second}` }), "anonymous");
    assert.equal(await identify({ cookie: `sid=${fresh}` }), `key:${key.id}`);
    await access.keys.revoke(root, key.id, clock.now());
    assert.equal(await identify({ cookie: `sid=${fresh}` }), "anonymous");
  });

  it("learns within five seconds what another process on the same database has revoked, and at once what it has made", async () => {
    const { access, clock, store } = under;
    const other = new AccessServices({
      store, mode: "keys", secure: false, clock, ids: new TimeOrderedIds(systemClock), logger: silentLogger, teamOf: () => null, audit: () => Promise.resolve(),
    });
    const ask = async (key: string): Promise<string> => {
      try {
        return (await other.gate.identify(shown({ authorization: `Bearer ${key}` }), clock.now())).actor;
      } catch (thrown) {
        return toAppError(thrown).message;
      }
    };
    const [first, second] = [await makeKey(), await makeKey()];
    const session = await access.sessions.start(`key:${first.id}`, clock.now());
    for (const { id, key } of [first, second]) assert.equal(await ask(key), `key:${id}`);
    await access.keys.revoke(root, first.id, clock.now());
    clock.advance(5001);
    assert.equal(await ask(first.key), "The API key was revoked.");
    assert.equal(await other.gate.identify(shown({ cookie: `sid=${session}` }), clock.now()), anonymousCaller);
    assert.equal(await ask(second.key), `key:${second.id}`);
    const third = await makeKey();
    assert.equal(await ask(third.key), `key:${third.id}`);
  });

  it("gives a user's session what the user may now, and ends it when they are disabled", async () => {
    const { access, clock, store } = under;
    const { users } = access;
    const identity = { id: "usr_1", issuer: "https://id.example.com", subject: "1", name: "Ada", email: "", grants: [{ role: "viewer", team: "*" }] as const };
    await store.users.signIn(identity, clock.now());
    const session = await access.sessions.start("user:usr_1", clock.now());
    const role = async (): Promise<string | undefined> => (await access.gate.identify(shown({ cookie: `sid=${session}` }), clock.now())).grants[0]?.role;
    assert.equal(await role(), "viewer");
    await store.users.signIn({ ...identity, grants: [{ role: "admin", team: "*" }] }, clock.now());
    clock.advance(5001);
    assert.equal(await role(), "admin");
    await users.setDisabled({ actor: "local" }, "usr_1", true, clock.now());
    assert.equal(await role(), undefined);
    await assert.rejects(users.setDisabled({ actor: "local" }, "usr_2", true, clock.now()), { code: "USER_NOT_FOUND" });
  });

  it("keeps no session that was read before it ended", async () => {
    const { access, clock, store: { sessions } } = under;
    const session = await access.sessions.start(`key:${(await makeKey()).id}`, clock.now());
    const find = sessions.find.bind(sessions);
    // It ends while the store's answer is on its way.
    sessions.find = async (hash) => {
      const found = await find(hash);
      sessions.find = find;
      await access.sessions.end(session);
      return found;
    };
    await identify({ cookie: `sid=${session}` });
    assert.equal(await identify({ cookie: `sid=${session}` }), "anonymous");
  });

  it("limits keys that do not exist by the address that shows them, and nobody who has a good one", async () => {
    const known = await makeKey();
    const authorization = `Bearer ${known.key}`;
    assert.equal(await identify({ authorization, address: "198.51.100.7" }), `key:${known.id}`);
    const guess = (address: string): Promise<string> => identify({ authorization: `Bearer ${newSecret("slk_")}`, address });
    const answers: string[] = [];
    for (let count = 0; count < 7; count++) answers.push(await guess("198.51.100.7"));
    assert.deepEqual(answers, [...Array.from({ length: 5 }, () => "UNAUTHENTICATED"), "TOO_MANY_ATTEMPTS", "TOO_MANY_ATTEMPTS"]);
    assert.equal(await identify({ authorization, address: "198.51.100.7" }), `key:${known.id}`);
    assert.equal(await guess("198.51.100.8"), "UNAUTHENTICATED");
    under.clock.advance(3001);
    assert.equal(await guess("198.51.100.7"), "UNAUTHENTICATED");
  });

  it("writes down denials of strangers as far as they do not fill the disk, and everything else", async () => {
    const { access, audited, clock } = under;
    const entry = { now: clock.now(), operation: "listModels", object: "", requestId: "req_1" } as const;
    audited.length = 0;
    for (let count = 0; count < 500; count++) await access.gate.audit({ ...entry, caller: anonymousCaller, result: "denied" });
    assert.equal(audited.length, 100);
    for (let count = 0; count < 200; count++) await access.gate.audit({ ...entry, caller: { ...anonymousCaller, actor: "key:key_1" }, result: "denied" });
    assert.equal(audited.length, 300);
    clock.advance(1000);
    for (let count = 0; count < 500; count++) await access.gate.audit({ ...entry, caller: anonymousCaller, result: "denied" });
    assert.equal(audited.length, 305);
    // Anybody may sign out without being signed in; who makes the first key is always written down.
    for (let count = 0; count < 500; count++) await access.gate.audit({ ...entry, operation: "signOut", caller: anonymousCaller, result: "allowed" });
    assert.equal(audited.length, 305);
    await access.gate.audit({ ...entry, operation: "setUp", object: "key:key_1", caller: anonymousCaller, result: "allowed" });
    assert.equal(audited.length, 306);
  });
});
