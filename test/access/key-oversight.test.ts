import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { NewKey } from "../../src/access/schemas.ts";
import type { Caller, Grant } from "../../src/core/caller.ts";
import { epochMs } from "../../src/core/clock.ts";
import { isDenial } from "../../src/core/request-gate.ts";
import type { AppError } from "../../src/core/errors.ts";
import { openAccess, type AccessUnderTest } from "./access-callers.ts";

const callerOf = (actor: string, ...grants: Grant[]): Caller => ({ actor, name: actor, grants });
const root = callerOf("key:root", { role: "admin", team: "*" });
const defaultAdmin = callerOf("key:default", { role: "admin", team: "default" });
const fraudAdmin = callerOf("key:fraud", { role: "admin", team: "fraud" });

describe("who sees and revokes a key", () => {
  let under: AccessUnderTest;
  before(async () => { under = await openAccess(); });
  after(() => under.close());

  const make = (maker: Caller, grants: Grant[], team?: string): Promise<NewKey> =>
    under.access.keys.create(maker, { name: "made", grants, ...(team === undefined ? {} : { team }), expiresInDays: null }, under.clock.now());
  const sees = async (caller: Caller, { id }: NewKey): Promise<boolean> => (await under.access.keys.list(caller)).some((key) => key.id === id);
  const revoke = (caller: Caller, { id }: NewKey): Promise<unknown> => under.access.keys.revoke(caller, id, under.clock.now());
  const isGood = async ({ id }: NewKey): Promise<boolean> => (await under.store.keys.find(id))?.revokedAt === null;

  it("lets an admin of the team default revoke no key that may more, though keys of all teams belong there", async () => {
    for (const grants of [[{ role: "admin", team: "*" }], [{ role: "viewer", team: "*" }], [{ role: "viewer", team: "default" }, { role: "viewer", team: "fraud" }]] as Grant[][]) {
      const key = await make(root, grants);
      assert.equal(key.team, "default");
      assert.equal(await sees(defaultAdmin, key), true);
      await assert.rejects(revoke(defaultAdmin, key), { code: "FORBIDDEN" });
      assert.equal(await isGood(key), true);
      await revoke(root, key);
      assert.equal(await isGood(key), false);
    }
    const own = await make(root, [{ role: "admin", team: "default" }]);
    await revoke(defaultAdmin, own);
    assert.equal(await isGood(own), false);
  });

  it("hides no key from the admins of the team where it may do something", async () => {
    const both = callerOf("key:both", { role: "contributor", team: "fraud" }, { role: "viewer", team: "default" });
    const key = await make(both, [{ role: "contributor", team: "fraud" }], "default");
    assert.equal(key.team, "default");
    assert.equal(await sees(fraudAdmin, key), true);
    await revoke(fraudAdmin, key);
    assert.equal(await isGood(key), false);
  });

  it("lets who made a key revoke it, and the key itself, whatever it may", async () => {
    const [made, itself] = [await make(root, [{ role: "admin", team: "*" }]), await make(root, [{ role: "admin", team: "*" }])];
    await revoke(callerOf("key:root", { role: "viewer", team: "fraud" }), made);
    await revoke(callerOf(`key:${itself.id}`, { role: "viewer", team: "fraud" }), itself);
    assert.deepEqual([await isGood(made), await isGood(itself)], [false, false]);
  });

  it("gives a new secret of a key to itself and to who may all that it may, not to a maker who may less by now, and hides it from others", async () => {
    const rotate = (caller: Caller, { id }: NewKey, more: object = {}): Promise<NewKey> => under.access.keys.rotate(caller, id, { graceSeconds: 0, ...more }, under.clock.now());
    const key = await make(root, [{ role: "contributor", team: "fraud" }]);
    const member = callerOf(`key:${key.id}`, { role: "contributor", team: "fraud" });
    for (const caller of [root, fraudAdmin, member]) assert.equal((await rotate(caller, key)).id, key.id);
    await assert.rejects(rotate(callerOf("key:root", { role: "viewer", team: "fraud" }), key), { code: "FORBIDDEN" });
    const wide = await make(root, [{ role: "admin", team: "*" }]);
    await assert.rejects(rotate(defaultAdmin, wide), { code: "FORBIDDEN" });
    const refusal = await rotate(defaultAdmin, key).then(() => assert.fail(), (error: AppError) => error);
    assert.deepEqual([refusal.code, isDenial(refusal)], ["KEY_NOT_FOUND", true]);
  });

  it("lets nobody have a secret for longer than they are let in themselves", async () => {
    const now = under.clock.now();
    const key = await make(root, [{ role: "viewer", team: "fraud" }]);
    const forADay: Caller = { ...fraudAdmin, expiresAt: epochMs(now + 86_400_000) };
    const rotate = (expiresInDays?: number | null): Promise<NewKey> => under.access.keys.rotate(forADay, key.id, { graceSeconds: 0, ...(expiresInDays === undefined ? {} : { expiresInDays }) }, now);
    await assert.rejects(rotate(), { code: "SCOPE_TOO_WIDE" });
    assert.equal((await rotate(null)).expiresAt, forADay.expiresAt);
    assert.equal((await rotate()).expiresAt, forADay.expiresAt);
    const late = epochMs(now + 2 * 86_400_000);
    await assert.rejects(under.access.keys.rotate(root, key.id, { graceSeconds: 0 }, late), { code: "INVALID_REQUEST" });
    assert.equal((await under.access.keys.rotate(root, key.id, { graceSeconds: 0, expiresInDays: 1 }, late)).expiresAt, late + 86_400_000);
  });

  it("answers for another team's key as for none, and calls it a denial in the audit log alone", async () => {
    const key = await make(root, [{ role: "viewer", team: "fraud" }]);
    const refusal = async (id: string): Promise<AppError> => under.access.keys.revoke(defaultAdmin, id, under.clock.now()).then(() => assert.fail(), (error: AppError) => error);
    const [hidden, none] = [await refusal(key.id), await refusal("key_none")];
    assert.deepEqual([hidden.code, hidden.message.replace(key.id, "key_none")], [none.code, none.message]);
    assert.deepEqual([isDenial(hidden), isDenial(none)], [true, false]);
    assert.equal(await isGood(key), true);
  });
});
