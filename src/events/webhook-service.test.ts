import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { eventStoresOn } from "../adapters/sql/event-stores.fixture.ts";
import { localCaller, type Caller, type Grant } from "../core/caller.ts";
import { ManualClock, systemClock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { SecretBox } from "../core/secret-box.ts";
import { visibleEvents } from "./event-visibility.ts";
import { eventOn } from "./outbox.conformance.ts";
import { EventTypePattern, NewWebhook } from "./schemas.ts";
import { openSecrets } from "./webhook-secret.ts";
import { WebhookService } from "./webhook-service.ts";

const ids = new TimeOrderedIds(systemClock);
const callerWith = (...grants: Grant[]): Caller => ({ actor: "key:1", name: "somebody", grants });
const hasCode = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;
const newWebhook = (more: object = {}): NewWebhook => NewWebhook.parse({ name: "hook", url: "https://example.com/x", ...more });
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
    let woken = 0;
    const service = new WebhookService({
      webhooks: stores.webhooks, deliveries: stores.deliveries, secrets, ids, wake: () => void woken++,
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
    return { ...stores, clock, service, secrets, refused, lease, woken: () => woken };
  }

  it("makes a webhook whose secret is shown once and stored sealed", async () => {
    const { service, webhooks, secrets, clock } = await open();
    const { secret, ...webhook } = await service.create(newWebhook({ types: ["model.*"] }), admin, clock.now());
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.deepEqual(webhook, {
      id: webhook.id, name: "hook", url: "https://example.com/x", types: ["model.*"], team: "default", createdBy: "key:1", createdAt: clock.now(), pausedAt: null,
      pending: 0, dead: 0, lastDelivery: null,
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
