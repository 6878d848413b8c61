import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { eventStoresOn } from "../adapters/sql/events/event-stores.fixture.ts";
import { localCaller, type Caller, type Grant } from "../core/caller.ts";
import { epochMs, ManualClock, systemClock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { SecretBox } from "../core/secret-box.ts";
import { visibleEvents } from "./event-visibility.ts";
import { eventOn } from "./outbox.conformance.ts";
import { EventTypePattern, NewWebhook, type RecordedEvent } from "./schemas.ts";
import { standardFormat } from "./standard-format.ts";
import type { WebhookFormats } from "./webhook-format.ts";
import { openSecrets } from "./webhook-secret.ts";
import { WebhookService } from "./webhook-service.ts";

const ids = new TimeOrderedIds(systemClock);
const callerWith = (...grants: Grant[]): Caller => ({ actor: "key:1", name: "somebody", grants });
const hasCode = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;
const newWebhook = (more: object = {}): NewWebhook => NewWebhook.parse({ name: "hook", url: "https://example.com/x", ...more });
/** Beside the standard one a format that tells of models alone. */
const formats: WebhookFormats = {
  standard: standardFormat,
  odd: {
    ...standardFormat,
    subscription(types) {
      if (!types.includes("model.*")) throw new AppError("INVALID_PARAMETER", "Only of models.");
      return { types: ["model.created"], detail: { asked: [...types] } };
    },
  },
};
const foreign = { name: "theirs", url: "https://example.com/y", types: ["model.created"], format: "odd", description: "why", detail: { a: 1 }, secret: "given", paused: false };
const admin = callerWith({ role: "admin", team: "default" });

describe("WebhookService", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  async function open() {
    const clock = new ManualClock();
    const database = await databases.open();
    await database.queries.insertInto("teams").values([{ name: "red", description: "", created_at: 0 }]).execute();
    const stores = eventStoresOn(database, clock, ids);
    const secrets = new SecretBox(new Uint8Array(32).fill(1));
    const refused: string[] = [];
    const tried: [string, RecordedEvent][] = [];
    let woken = 0;
    const service = new WebhookService({
      webhooks: stores.webhooks, deliveries: stores.deliveries, secrets, ids, wake: () => void woken++, formats,
      sendOnce: async (webhook, event) => {
        tried.push([webhook.id, event]);
        return { status: 418, headers: {}, body: new Uint8Array() };
      },
      subscribers: () => [{ id: "subscriber:auditor", name: "auditor", types: ["*"] }],
      egress: {
        assertPlausible: (url) => {
          if (!url.includes("10.0.0.1")) return;
          refused.push(url);
          throw new AppError("EGRESS_REFUSED", "No.");
        },
      },
    });
    const lease = () => stores.deliveries.lease({ owner: "me", leaseMs: 1000, limit: 10, perSubscription: 10, busy: new Map(), subscriptions: [] });
    return { ...stores, clock, service, secrets, refused, tried, lease, woken: () => woken };
  }

  it("makes a webhook whose secret is shown once and stored sealed", async () => {
    const { service, webhooks, secrets, clock } = await open();
    const { secret, ...webhook } = await service.create(newWebhook({ types: ["model.*"] }), admin, clock.now());
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.deepEqual(webhook, {
      id: webhook.id, name: "hook", url: "https://example.com/x", types: ["model.*"], team: "default", createdBy: "key:1", createdAt: clock.now(), updatedAt: null, pausedAt: null,
      format: "standard", description: "", detail: null, pending: 0, dead: 0, lastDelivery: null,
    });
    const stored = (await webhooks.find(webhook.id))!;
    assert.equal(Buffer.from(stored.sealedSecret).includes(secret.slice(6)), false);
    assert.deepEqual(openSecrets(secrets, webhook.id, stored.sealedSecret), { current: secret, former: null });
    assert.deepEqual(await service.list(admin), { webhooks: [webhook], subscribers: [] });
  });

  it("refuses addresses that may not be called, teams that are not there, and teams of others", async () => {
    const { service, webhooks, clock, refused } = await open();
    await assert.rejects(service.create(newWebhook({ url: "https://10.0.0.1/" }), admin, clock.now()), hasCode("EGRESS_REFUSED"));
    assert.equal(refused.length, 1);
    await assert.rejects(service.create(newWebhook({ team: "red" }), admin, clock.now()), hasCode("FORBIDDEN"));
    await assert.rejects(service.create(newWebhook({ team: "*" }), admin, clock.now()), hasCode("FORBIDDEN"));
    await assert.rejects(service.create(newWebhook(), callerWith({ role: "deployer", team: "*" }), clock.now()), hasCode("FORBIDDEN"));
    await assert.rejects(service.create(newWebhook(), callerWith({ role: "admin", team: "default", models: ["a"] }), clock.now()), hasCode("FORBIDDEN"));
    await assert.rejects(service.create(newWebhook({ team: "nobody" }), localCaller, clock.now()), hasCode("TEAM_NOT_FOUND"));
    assert.deepEqual(await webhooks.list(), []);
    for (const team of ["red", "*"]) await service.create(newWebhook({ team }), localCaller, clock.now());
    assert.equal((await webhooks.list()).length, 2);
  });

  it("answers for a webhook of another team as for one that is not there, whatever is asked", async () => {
    const { service, webhooks, clock } = await open();
    const { id } = await service.create(newWebhook({ team: "red" }), localCaller, clock.now());
    const other = callerWith({ role: "admin", team: "default" }, { role: "deployer", team: "red" });
    const before = await webhooks.find(id);
    const asks: ((target: string) => Promise<unknown>)[] = [
      (target) => service.remove(target, other), (target) => service.setPaused(target, true, other), (target) => service.rotateSecret(target, other, clock.now()),
      (target) => service.sendTest(target, other), (target) => service.deliveries(target, { limit: 1 }, other), (target) => service.redeliver(target, 1, other),
      (target) => service.redeliverDead(target, other),
    ];
    for (const ask of asks) {
      for (const target of [id, "whk_none", "subscriber:auditor"]) {
        await assert.rejects(ask(target), (error) => {
          assert.ok(error instanceof AppError && error.code === "WEBHOOK_NOT_FOUND");
          assert.equal(error.message, `There is no webhook "${target}".`);
          return true;
        });
      }
    }
    assert.deepEqual(await webhooks.find(id), before);
    assert.deepEqual(await service.list(other), { webhooks: [], subscribers: [] });
    assert.equal((await service.list(callerWith({ role: "admin", team: "red" }))).webhooks.length, 1);
  });

  it("keeps the former secret through one rotation, also when two rotate at once", async () => {
    const { service, webhooks, secrets, clock } = await open();
    const { id, secret } = await service.create(newWebhook(), admin, clock.now());
    const rotated = await Promise.all([service.rotateSecret(id, admin, clock.now()), service.rotateSecret(id, admin, clock.now())]);
    const kept = openSecrets(secrets, id, (await webhooks.find(id))!.sealedSecret);
    const given = rotated.map((one) => one.secret);
    assert.ok(given.includes(kept.current) && given.includes(kept.former!.secret) && kept.current !== kept.former!.secret);
    assert.equal(given.includes(secret), false);
    assert.equal(kept.former!.until, clock.now() + 86_400_000);
  });

  it("sends a test, shows its delivery, delivers it again, pauses, goes on and removes", async () => {
    const { service, deliveries, clock, lease, woken } = await open();
    const { id } = await service.create(newWebhook({ types: ["key.created"] }), admin, clock.now());
    await service.sendTest(id, admin);
    await deliveries.fanOut([], 10);
    const [leased] = await lease();
    await deliveries.settle({ subscription: id, lease: leased!.lease, sequence: 1, object: leased!.event.object }, { state: "dead", status: 500, error: "No." });
    assert.deepEqual((await service.deliveries(id, { limit: 10 }, admin)).map(({ sequence, type, state }) => [sequence, type, state]), [[1, "webhook.test", "dead"]]);
    assert.deepEqual((await service.list(admin)).webhooks.map(({ dead, pending, lastDelivery }) => [dead, pending, lastDelivery?.state]), [[1, 0, "dead"]]);
    assert.deepEqual(await service.redeliverDead(id, admin), { redelivered: 1 });
    assert.equal((await service.redeliver(id, 1, admin)).state, "pending");
    await assert.rejects(service.redeliver(id, 2, admin), hasCode("DELIVERY_NOT_FOUND"));
    assert.equal((await service.setPaused(id, true, admin)).pausedAt, clock.now());
    assert.deepEqual(await lease(), []);
    const before = woken();
    assert.equal((await service.setPaused(id, false, admin)).pausedAt, null);
    assert.equal(woken(), before + 1);
    assert.equal((await lease()).length, 1);
    assert.equal((await service.remove(id, admin)).id, id);
    await assert.rejects(service.remove(id, admin), hasCode("WEBHOOK_NOT_FOUND"));
  });

  it("shows subscribers and their deliveries to admins of the server", async () => {
    const { service, deliveries, write } = await open();
    await deliveries.subscribe("subscriber:auditor");
    await write([eventOn("model:a")]);
    await deliveries.fanOut([{ name: "subscriber:auditor", types: ["*"] }], 10);
    assert.deepEqual((await service.list(localCaller)).subscribers, [{ id: "subscriber:auditor", name: "auditor", types: ["*"], pending: 1, dead: 0, lastDelivery: null }]);
    assert.equal((await service.deliveries("subscriber:auditor", { limit: 10 }, localCaller)).length, 1);
  });

  it("makes webhooks of a format that is there, of the types that the format tells of", async () => {
    const { service, webhooks, clock } = await open();
    const made = await service.create(newWebhook({ format: "odd", types: ["model.*"], description: "why" }), admin, clock.now());
    assert.deepEqual([made.format, made.types, made.detail, made.description], ["odd", ["model.created"], { asked: ["model.*"] }, "why"]);
    await assert.rejects(service.create(newWebhook({ format: "odd", types: ["key.created"] }), admin, clock.now()), hasCode("INVALID_PARAMETER"));
    for (const format of ["neither", "__proto__", "toString"]) await assert.rejects(service.create(newWebhook({ format }), admin, clock.now()), hasCode("INVALID_PARAMETER"));
    assert.equal((await webhooks.list()).length, 1);
  });

  it("keeps the secret that another wire gives, seals it, and changes what that wire names", async () => {
    const { service, webhooks, secrets, clock, refused, woken } = await open();
    const made = await service.createForeign(foreign, admin, clock.now());
    const { secret, paused, ...described } = foreign;
    assert.deepEqual(made, { ...described, id: made.id, team: "default", createdBy: "key:1", createdAt: clock.now(), updatedAt: null, pausedAt: null });
    assert.equal(JSON.stringify([made, await service.list(admin)]).includes(secret), false);
    const stored = async () => (await webhooks.find(made.id))!;
    assert.deepEqual(openSecrets(secrets, made.id, (await stored()).sealedSecret), { current: "given", former: null });
    // The clock stands still, and yet the change is later.
    const changed = await service.updateForeign("odd", made.id, { name: "other", paused: true }, admin, clock.now());
    assert.deepEqual(changed, { ...made, name: "other", pausedAt: clock.now(), updatedAt: made.createdAt + 1 });
    assert.deepEqual(openSecrets(secrets, made.id, (await stored()).sealedSecret).current, "given");
    const before = woken();
    const again = await service.updateForeign("odd", made.id, { secret: "", paused: false, types: ["model.*"], detail: null }, admin, epochMs(clock.now() - 5000));
    assert.deepEqual([again.pausedAt, again.updatedAt, again.types, again.detail, woken()], [null, made.createdAt + 2, ["model.*"], null, before + 1]);
    assert.deepEqual(openSecrets(secrets, made.id, (await stored()).sealedSecret), { current: "", former: null });
    await assert.rejects(service.updateForeign("odd", made.id, { url: "https://10.0.0.1/", name: "never" }, admin, clock.now()), hasCode("EGRESS_REFUSED"));
    await assert.rejects(service.createForeign({ ...foreign, url: "https://10.0.0.1/" }, admin, clock.now()), hasCode("EGRESS_REFUSED"));
    assert.deepEqual([refused.length, (await stored()).name, (await webhooks.list()).length], [2, "other", 1]);
    assert.equal((await service.createForeign({ ...foreign, paused: true, secret: "" }, admin, clock.now())).pausedAt, clock.now());
    assert.equal(paused, false);
  });

  it("puts what comes over another wire into the default team, or into the only one of its maker", async () => {
    const { service, clock } = await open();
    const teamOf = async (caller: Caller): Promise<string> => (await service.createForeign(foreign, caller, clock.now())).team;
    assert.equal(await teamOf(localCaller), "default");
    assert.equal(await teamOf(callerWith({ role: "admin", team: "red" }, { role: "admin", team: "default" })), "default");
    assert.equal(await teamOf(callerWith({ role: "viewer", team: "default" }, { role: "admin", team: "red" })), "red");
    for (const grants of [[], [{ role: "deployer", team: "*" }], [{ role: "admin", team: "red" }, { role: "admin", team: "blue" }], [{ role: "admin", team: "red", models: ["a"] }]] as Grant[][]) {
      await assert.rejects(teamOf(callerWith(...grants)), hasCode("FORBIDDEN"));
    }
  });

  it("shows another wire the webhooks of its format that the caller administers, the newest first, and tries them out", async () => {
    const { service, clock, tried } = await open();
    const standard = await service.create(newWebhook(), localCaller, clock.now());
    const made: string[] = [];
    for (const caller of [localCaller, callerWith({ role: "admin", team: "red" }), localCaller]) {
      made.push((await service.createForeign(foreign, caller, clock.now())).id);
      clock.advance(1);
    }
    const listed = async (caller: Caller) => (await service.listOf("odd", caller)).map(({ id }) => id);
    assert.deepEqual([await listed(localCaller), await listed(admin), await listed(callerWith())], [made.toReversed(), [made[2], made[0]], []]);
    assert.deepEqual((await service.tryOut("odd", made[0]!, { example: 7 }, admin, clock.now())).status, 418);
    assert.deepEqual(tried.map(([id, { type, object, payload }]) => [id, type, object, payload]), [[made[0], "webhook.test", `webhook:${made[0]}`, { name: "theirs", example: 7 }]]);
    // Of another format, of another team, not there.
    for (const id of [standard.id, made[1]!, "whk_none"]) {
      for (const ask of [service.findOf("odd", id, admin), service.updateForeign("odd", id, { name: "x" }, admin, clock.now()), service.tryOut("odd", id, {}, admin, clock.now())]) {
        await assert.rejects(ask, hasCode("WEBHOOK_NOT_FOUND"));
      }
    }
    assert.equal(tried.length, 1);
  });

  it("takes only types that some event has", () => {
    for (const pattern of ["*", "model.*", "model.alias.*", "key.created", "webhook.test"]) assert.equal(EventTypePattern.safeParse(pattern).success, true, pattern);
    for (const pattern of ["", "model", "models.*", "model.alias", "*.created", "model.**", "Model.*", "__proto__"]) assert.equal(EventTypePattern.safeParse(pattern).success, false, pattern);
  });
});

describe("visibleEvents", () => {
  it("are those of the teams and objects of the caller's grants", () => {
    assert.deepEqual(visibleEvents(localCaller), { teams: ["*"], objects: [] });
    assert.deepEqual(visibleEvents(callerWith()), { teams: [], objects: [] });
    const caller = callerWith({ role: "viewer", team: "red" }, { role: "deployer", team: "blue", models: ["a", "b"] }, { role: "viewer", team: "*", experiments: ["e"] });
    assert.deepEqual(visibleEvents(caller), {
      teams: ["red"],
      objects: [{ team: "blue", object: "model:a" }, { team: "blue", object: "model:b" }, { team: "*", object: "experiment:e" }],
    });
  });
});
