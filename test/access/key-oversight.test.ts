import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { NewKey } from "../../src/access/schemas.ts";
import type { Caller, Grant } from "../../src/core/caller.ts";
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

  it("answers for another team's key as for none, and calls it a denial in the audit log alone", async () => {
    const key = await make(root, [{ role: "viewer", team: "fraud" }]);
    const refusal = async (id: string): Promise<AppError> => under.access.keys.revoke(defaultAdmin, id, under.clock.now()).then(() => assert.fail(), (error: AppError) => error);
    const [hidden, none] = [await refusal(key.id), await refusal("key_none")];
    assert.deepEqual([hidden.code, hidden.message.replace(key.id, "key_none")], [none.code, none.message]);
    assert.deepEqual([isDenial(hidden), isDenial(none)], [true, false]);
    assert.equal(await isGood(key), true);
  });
});
