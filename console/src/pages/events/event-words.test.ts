import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventPayloads, matchesType } from "../../../../src/events/schemas.ts";
import { eventTypes, objectHref, objectWords, payloadWords } from "./event-words.ts";

describe("eventTypes", () => {
  it("names every type that the server has, but the one for tests, under a pattern that it matches", () => {
    const named = eventTypes.flatMap(({ types }) => types as readonly string[]);
    assert.deepEqual([...named, "webhook.test"].sort(), Object.keys(eventPayloads).sort());
    for (const { pattern, types } of eventTypes) for (const type of types) assert.ok(matchesType(pattern, type), type);
  });
});

describe("objectHref", () => {
  it("leads to the page of the object", () => {
    assert.equal(objectHref("model:churn"), "/models/churn");
    assert.equal(objectHref("workflow:nightly"), "/workflows?workflow=nightly");
    assert.equal(objectHref("workflow:nightly", { run: "wfr_01abc" }), "/workflows/runs/wfr_01abc");
    assert.equal(objectHref("webhook:whk_1"), "/events/webhooks/whk_1");
    assert.equal(objectHref("model:a/b"), "/models/a%2Fb");
    assert.equal(objectHref("gateway-route:chat"), "/gateway?q=chat");
    assert.equal(objectHref("gateway-key:key_1"), "/gateway/keys");
    assert.equal(objectHref("server"), null);
  });

  it("leads from a budget's alert to what spent it, in its window", () => {
    const of = (object: string, window: string): string | null => objectHref(object, { budget: object, window, threshold: 80, spent: 8, limit: 10 });
    assert.equal(of("team:search", "month"), "/costs?range=30d&team=search");
    assert.equal(of("project:search/app", "day"), "/costs?range=1d&team=search&project=app");
    assert.equal(of("route:chat", "day"), "/costs?range=1d&route=chat");
    assert.equal(of("key:key_1", "day"), "/costs?range=1d&key=key%3Akey_1");
    assert.equal(objectHref("team:search", { limits: {} }), "/settings/teams");
  });
});

describe("objectWords", () => {
  it("calls a key and a person by name where that is known, and nothing else", () => {
    const nameOf = (actor: string): string => ({ "key:key_1": "nightly", "user:usr_1": "Ann" })[actor] ?? actor;
    assert.deepEqual(["key:key_1", "gateway-key:key_1", "user:usr_1", "key:key_2", "user:usr_2", "model:key_1"].map((object) => objectWords(object, nameOf)), ["key nightly", "gateway-key nightly", "user Ann", "key:key_2", "user:usr_2", "model:key_1"]);
  });
});

describe("payloadWords", () => {
  it("begins with how much of a budget is used", () => {
    assert.equal(payloadWords({ object: "key:key_1", payload: { budget: "key:key_1", window: "day", threshold: 80, spent: 0.41, limit: 0.5 } }), "80% of the day’s $0.50: $0.41 spent");
  });

  it("leads from what a rollout did to the rollout", () => {
    assert.equal(objectHref("gateway-route:chat", { model: "route:chat", rollout: "rol_1" }), "/rollouts/rol_1");
    assert.equal(objectHref("gateway-route:chat", { rollout: "../keys" }), "/gateway?q=chat");
  });

  it("leaves out what the object says in other words, and shortens digests", () => {
    assert.equal(payloadWords({ object: "gateway-route:chat", payload: { model: "route:chat", revision: 2, rollout: "rol_1" } }), "revision 2, rollout rol_1");
    assert.equal(payloadWords({ object: "price:echo/org/small", payload: { provider: "echo", model: "org/small", price: "chg_1" } }), "price chg_1");
    assert.equal(payloadWords({ object: "price:echo/small", payload: { provider: "ech", model: "all" } }), "provider ech, model all");
    assert.equal(payloadWords({ object: "model:churn", payload: { version: "1", contractDigest: `sha256:${"ab".repeat(32)}` } }), "version 1, contractDigest abababababab");
    assert.equal(objectWords(`blob:sha256:${"ab".repeat(32)}`, (actor) => actor), "blob abababababab");
  });

  it("says what the object does not say", () => {
    assert.equal(payloadWords({ object: "model:churn", payload: { model: "churn", alias: "champion", version: "3" } }), "alias champion, version 3");
    assert.equal(payloadWords({ object: "gateway-route:chat", payload: { name: "chat", revision: 2 } }), "revision 2");
    assert.equal(payloadWords({ object: "workflow:a", payload: { error: { code: "STEP_FAILED", message: "no disk" } } }), "error no disk");
    assert.equal(payloadWords({ object: "key:key_1", payload: { note: null, grants: [{ role: "viewer" }] } }), "grants viewer");
  });

  it("leads from an evaluation to its page, and says the verdicts", () => {
    const payload = { model: "m", version: "3", evaluation: "evl_1", verdicts: [{ role: "baseline", verdict: "better" }, { role: "champion", verdict: "undecided" }] };
    assert.equal(objectHref("model:m", payload), "/models/m/evaluations?version=3#evl_1");
    assert.equal(payloadWords({ object: "model:m", payload }), "version 3, evaluation evl_1, verdicts baseline better, champion undecided");
    assert.equal(objectHref("dataset:a b"), "/datasets/a%20b");
  });
});
