import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { GatewayStore } from "./gateway-store.ts";
import { KeyPolicySettings, ProviderSettings, RouteSettings } from "./schemas.ts";

export interface GatewayStoreUnderTest {
  store: GatewayStore;
  /** Types of the events written so far, in order. */
  events(): Promise<string[]>;
}

const by = (now: number): { actor: string; now: ReturnType<typeof epochMs> } => ({ actor: "key:k", now: epochMs(now) });
const conflict = (error: unknown): boolean => error instanceof AppError && error.code === "GATEWAY_CONFLICT";
const provider = ProviderSettings.parse({ kind: "openai", headers: { "X-A": "b" } });
const route = RouteSettings.parse({ targets: [{ provider: "openai", model: "gpt-4o" }], budget: { day: 1.5 } });

/** What every store of the gateway's settings promises. */
export function gatewayStoreConformance(adapter: string, open: () => Promise<GatewayStoreUnderTest>): void {
  describe(`GatewayStore: ${adapter}`, () => {
    it("keeps providers with the source of their secret, which stays where a change says nothing of it", async () => {
      const { store, events } = await open();
      const sealed = Uint8Array.of(0, 1, 255);
      const made = await store.putProvider("main", 0, { settings: provider, secret: { from: "value", sealed } }, by(5));
      assert.deepEqual([made.revision, made.updatedAt, made.updatedBy, made.settings], [1, 5, "key:k", provider]);
      await store.putProvider("main", 1, { settings: { ...provider, apiVersion: "1" } }, by(6));
      const [kept] = await store.providers();
      assert.deepEqual([kept!.revision, kept!.settings.apiVersion, kept!.secret?.from], [2, "1", "value"]);
      assert.deepEqual(new Uint8Array((kept!.secret as { sealed: Uint8Array }).sealed), sealed);
      const other = await store.putProvider("main", 2, { settings: provider, secret: { from: "environment", name: "OPENAI_API_KEY" } }, by(7));
      assert.deepEqual(other.secret, { from: "environment", name: "OPENAI_API_KEY" });
      assert.equal((await store.putProvider("main", 3, { settings: provider, secret: null }, by(8))).secret, null);
      assert.equal(await store.removeProvider("main", by(9)), true);
      assert.equal(await store.removeProvider("main", by(9)), false);
      assert.deepEqual(await store.providers(), []);
      assert.deepEqual(await events(), [...Array<string>(4).fill("gateway.provider.changed"), "gateway.provider.removed"]);
    });

    it("refuses a change of another revision, also of two at once, and writes nothing then", async () => {
      const { store, events } = await open();
      await assert.rejects(store.putRoute("chat", 1, { team: "default", settings: route, reason: "" }, by(1)), conflict);
      const at = (reason: string): Promise<unknown> => store.putRoute("chat", 0, { team: "default", settings: route, reason }, by(1));
      const ends = await Promise.allSettled([at("a"), at("b"), at("c")]);
      assert.deepEqual(ends.map(({ status }) => status).sort(), ["fulfilled", "rejected", "rejected"]);
      for (const end of ends) if (end.status === "rejected") assert.ok(conflict(end.reason), String(end.reason));
      assert.equal((await store.routes())[0]!.revision, 1);
      assert.deepEqual(await events(), ["gateway.route.changed"]);
      await assert.rejects(store.putRoute("other", 0, { team: "nobody", settings: route, reason: "" }, by(1)), (error) => error instanceof AppError && error.code === "TEAM_NOT_FOUND");
    });

    it("tells what a route was, and never gives a revision twice, also after it was removed", async () => {
      const { store } = await open();
      await store.putRoute("chat", 0, { team: "default", settings: route, reason: "first" }, by(1));
      await store.removeRoute("chat", by(2));
      const again = await store.putRoute("chat", 0, { team: "default", settings: { ...route, attempts: 4 }, reason: "again" }, by(3));
      assert.equal(again.revision, 3);
      const revisions = await store.routeRevisions("chat", 10);
      assert.deepEqual(revisions.map(({ revision, reason, settings, changedAt }) => [revision, reason, settings?.attempts ?? null, changedAt]), [[3, "again", 4, 3], [2, "", null, 2], [1, "first", 2, 1]]);
      assert.equal((await store.routeRevisions("chat", 1)).length, 1);
    });

    it("keeps policies of keys", async () => {
      const { store } = await open();
      const settings = KeyPolicySettings.parse({ routes: ["chat", "openai/*"], limits: { requestsPerMinute: 5 }, budget: { day: 100 }, project: "search" });
      assert.deepEqual((await store.putKeyPolicy("key_1", 0, settings, by(1))).settings, settings);
      assert.deepEqual((await store.keyPolicies()).map(({ key, revision }) => [key, revision]), [["key_1", 1]]);
      assert.equal(await store.removeKeyPolicy("key_1", by(2)), true);
      assert.deepEqual(await store.keyPolicies(), []);
    });
  });
}
