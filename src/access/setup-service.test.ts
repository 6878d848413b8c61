import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { SqlSetupStore } from "../adapters/sql/access/sql-setup-store.ts";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { epochMs } from "../core/clock.ts";
import { isDenial } from "../core/request-gate.ts";
import { AppError } from "../core/errors.ts";
import type { NewKey, User } from "./schemas.ts";
import { SetupService, type SetupParts } from "./setup-service.ts";
import type { SetupStore } from "./setup-store.ts";

const now = epochMs(1_700_000_000_000);
const hour = 3_600_000;

describe("SetupService", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  /** What a server's parts are to it: keys that were made, users, and whether making a key fails. */
  async function server(given: Partial<SetupParts> = {}): Promise<{ start: (more?: Partial<SetupParts>) => SetupService; made: { name: string; actor: string }[]; store: SetupStore; failNext: (error: Error) => void }> {
    const store = new SqlSetupStore(await databases.open());
    const made: { name: string; actor: string }[] = [];
    let failure: Error | undefined;
    const parts: SetupParts = {
      mode: "keys", store, issuer: null,
      keys: { hasServerAdmin: () => Promise.resolve(made.length > 0) },
      users: { list: () => Promise.resolve([]) },
      makeKey: ({ name, actor, grants }) => {
        const failed = failure;
        failure = undefined;
        if (failed !== undefined) return Promise.reject(failed);
        made.push({ name, actor });
        return Promise.resolve({ name, grants: [...grants], key: "slk_x" } as unknown as NewKey);
      },
      ...given,
    };
    return { start: (more = {}) => new SetupService({ ...parts, ...more }), made, store, failNext: (error) => (failure = error) };
  }

  const refused = (code: string) => (error: unknown): boolean => error instanceof AppError && error.code === code;

  it("makes one admin key with the token, and closes for ever", async () => {
    const { start, made } = await server();
    const setup = start();
    const token = await setup.begin(now);
    assert.match(token ?? "", /^sst_[A-Za-z0-9_-]{43}$/);
    assert.equal(await setup.isOpen(now), true);
    const key = await setup.finish({ token: token!, name: "Ada" }, now);
    assert.deepEqual([key.grants, made], [[{ role: "admin", team: "*" }], [{ name: "Ada", actor: "setup" }]]);
    assert.equal(await setup.isOpen(now), false);
    await assert.rejects(setup.finish({ token: token!, name: "Eve" }, now), refused("SETUP_CLOSED"));
    // Also after the next start, which gives out no token.
    assert.equal(await start().begin(now), null);
    await assert.rejects(start().finish({ token: token!, name: "Eve" }, now), refused("SETUP_CLOSED"));
    assert.equal(made.length, 1);
  });

  it("gives one key to many that send the token at once", async () => {
    const { start, made } = await server();
    const token = (await start().begin(now))!;
    const ends = await Promise.allSettled(Array.from({ length: 8 }, () => start().finish({ token, name: "x" }, now)));
    assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal(made.length, 1);
  });

  it("refuses wrong, old and expired tokens, and marks each as a denial", async () => {
    const { start, made } = await server();
    const setup = start();
    const old = (await setup.begin(now))!;
    const token = (await start().begin(now))!;
    for (const wrong of [old, `${token}x`, token.slice(0, -1), token.toUpperCase(), "", "sst_", "\0", "x".repeat(200)]) {
      await assert.rejects(setup.finish({ token: wrong, name: "x" }, now), (error) => refused("SETUP_TOKEN_INVALID")(error) && isDenial(error as AppError), wrong);
    }
    await assert.rejects(setup.finish({ token, name: "x" }, epochMs(now + hour)), refused("SETUP_TOKEN_INVALID"));
    assert.equal(made.length, 0);
    await setup.finish({ token, name: "x" }, epochMs(now + hour - 1));
    assert.equal(made.length, 1);
  });

  it("gives the token back when the key could not be made", async () => {
    const { start, made, failNext } = await server();
    const setup = start();
    const token = (await setup.begin(now))!;
    failNext(new Error("no disk"));
    await assert.rejects(setup.finish({ token, name: "x" }, now), /no disk/);
    await setup.finish({ token, name: "x" }, now);
    assert.equal(made.length, 1);
  });

  it("stays closed where everybody is an admin, and where one can sign in", async () => {
    const admin: User = { id: "usr_1", name: "Ada", email: "", issuer: "https://id.example", grants: [{ role: "admin", team: "*" }], createdAt: 1, signedInAt: 1, disabledAt: null };
    const openWith = async (more: Partial<SetupParts>, user: User = admin): Promise<boolean> => {
      const { start } = await server({ users: { list: () => Promise.resolve([user]) }, ...more });
      return (await start().begin(now)) !== null;
    };
    assert.equal(await openWith({ mode: "open" }), false);
    assert.equal(await openWith({ issuer: "https://id.example" }), false);
    // Nobody can sign in there: the provider is another now, or none, or the user is disabled or no admin of the whole server.
    assert.equal(await openWith({}), true);
    assert.equal(await openWith({ issuer: "https://other.example" }), true);
    assert.equal(await openWith({ issuer: "https://id.example" }, { ...admin, disabledAt: 5 }), true);
    assert.equal(await openWith({ issuer: "https://id.example" }, { ...admin, grants: [{ role: "admin", team: "search" }] }), true);
  });

  it("keeps nothing from which the token could be read", async () => {
    const kept: unknown[] = [];
    const { start, store } = await server();
    const token = (await start({ store: { ...store, replace: (given) => (kept.push(given), Promise.resolve()), removeAll: () => Promise.resolve(), take: () => Promise.resolve(null) } }).begin(now))!;
    const [{ hash }] = kept as [{ hash: Uint8Array }];
    assert.equal(hash.byteLength, 32);
    assert.ok(!JSON.stringify(kept).includes(token.slice(4, 20)) && !Buffer.from(hash).toString("latin1").includes(token.slice(4, 8)));
  });
});
