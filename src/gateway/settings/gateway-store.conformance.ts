import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { RolloutStore } from "../../rollouts/index.ts";
import { figuresOf, rolloutOf, routeFor } from "../../rollouts/rollout.fixture.ts";
import type { GatewayStore } from "./gateway-store.ts";
import type { RouteRevisionStore } from "./route-revision-store.ts";
import { KeyPolicySettings, ProviderSettings, RouteSettings } from "../schemas.ts";

export interface GatewayStoreUnderTest {
  store: GatewayStore;
  revisions: RouteRevisionStore;
  /** Of the routes of the store. */
  rollouts: Pick<RolloutStore, "add" | "change" | "current" | "find" | "writeRoute" | "route" | "writeFigures" | "readFigures">;
  /** Types of the events written so far, in order. */
  events(): Promise<string[]>;
}

const by = (now: number): { actor: string; now: ReturnType<typeof epochMs> } => ({ actor: "key:k", now: epochMs(now) });
const conflict = (error: unknown): boolean => error instanceof AppError && error.code === "GATEWAY_CONFLICT";
const code = (wanted: string) => (error: unknown): boolean => error instanceof AppError && error.code === wanted;
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

    it("keeps drafts, which answer when they are told to, and go back to what answered before", async () => {
      const { store, revisions, events } = await open();
      await assert.rejects(revisions.addDraft("chat", { settings: route, reason: "" }, by(1)), code("GATEWAY_MODEL_NOT_FOUND"));
      await store.putRoute("chat", 0, { team: "default", settings: route, reason: "first" }, by(1));
      const draft = await revisions.addDraft("chat", { settings: { ...route, attempts: 5 }, reason: "try 5" }, by(2));
      assert.equal(draft, 2);
      assert.deepEqual([(await revisions.find("chat"))?.revision, (await revisions.find("chat"))?.settings.attempts, await revisions.find("other")], [1, 2, null]);
      assert.deepEqual(await revisions.revision("chat", 2), { revision: 2, settings: { ...route, attempts: 5 }, reason: "try 5", changedAt: 2, changedBy: "key:k", draft: true });
      // A draft takes its number from nobody: the change after it has the next.
      assert.equal((await store.putRoute("chat", 1, { team: "default", settings: { ...route, attempts: 6 }, reason: "" }, by(3))).revision, 3);
      await assert.rejects(revisions.answerWith("chat", 9, "", by(4)), code("VERSION_NOT_FOUND"));
      await revisions.answerWith("chat", 2, "its rollout", by(4));
      await revisions.answerWith("chat", 2, "again", by(5));
      assert.deepEqual((await store.routes()).map(({ revision, settings, updatedAt }) => [revision, settings.attempts, updatedAt]), [[2, 5, 4]]);
      assert.deepEqual([(await revisions.revision("chat", 2))?.draft, (await revisions.revision("chat", 2))?.reason], [false, "its rollout"]);
      await revisions.answerWith("chat", 3, "back", by(6));
      assert.deepEqual(await revisions.turns("chat", 3), [
        { revision: 3, since: 6, actor: "key:k", reason: "back" }, { revision: 2, since: 4, actor: "key:k", reason: "its rollout" }, { revision: 3, since: 3, actor: "key:k", reason: "" },
      ]);
      assert.deepEqual((await store.routeRevisions("chat", 9)).map(({ revision }) => revision), [3, 2, 1]);
      assert.deepEqual(await events(), Array<string>(4).fill("gateway.route.changed"));
      await store.removeRoute("chat", by(7));
      assert.deepEqual([await revisions.turns("chat", 9), await revisions.find("chat"), (await revisions.revision("chat", 4))?.settings], [[], null, null]);
      await assert.rejects(revisions.answerWith("chat", 1, "", by(8)), code("GATEWAY_MODEL_NOT_FOUND"));
      assert.equal((await store.putRoute("chat", 0, { team: "default", settings: route, reason: "" }, by(9))).revision, 5);
    });

    it("holds a route for its rollout, whose end comes before any other change", async () => {
      const { store, revisions, rollouts } = await open();
      const rollout = (id: string, stable: string, candidate: string) => rolloutOf(id, { model: "route:chat", stable, candidate });
      await assert.rejects(rollouts.add(rollout("rol_1", "1", "2")), code("GATEWAY_MODEL_NOT_FOUND"));
      await store.putRoute("chat", 0, { team: "default", settings: route, reason: "" }, by(1));
      await assert.rejects(rollouts.add(rollout("rol_1", "1", "2")), code("VERSION_NOT_FOUND"));
      await revisions.addDraft("chat", { settings: { ...route, attempts: 5 }, reason: "" }, by(2));
      await assert.rejects(rollouts.add(rollout("rol_1", "2", "1")), code("ROLLOUT_IMPOSSIBLE"));
      await rollouts.add(rollout("rol_1", "1", "2"));
      await assert.rejects(rollouts.add(rollout("rol_2", "1", "2")), code("ROLLOUT_UNDER_WAY"));
      await assert.rejects(store.putRoute("chat", 1, { team: "default", settings: route, reason: "" }, by(3)), code("ROLLOUT_UNDER_WAY"));
      assert.equal(await rollouts.writeRoute("route:chat", routeFor("rol_1", { model: "route:chat" }), { actor: "rollouts", now: epochMs(4) }), 1);
      assert.equal((await rollouts.route("route:chat"))?.route?.model, "route:chat");
      await revisions.answerWith("chat", 2, "", by(5));
      await rollouts.change("rol_1", { state: "succeeded" }, { now: epochMs(6), actor: "rollouts" });
      assert.equal((await store.putRoute("chat", 2, { team: "default", settings: route, reason: "" }, by(7))).revision, 3);
      await rollouts.add(rollout("rol_3", "3", "2"));
      await rollouts.writeFigures("rol_3", "canary", "a", figuresOf(3), epochMs(8));
      await store.removeRoute("chat", by(9));
      assert.deepEqual([await rollouts.current("route:chat"), await rollouts.find("rol_1"), await rollouts.readFigures("rol_3", "canary")], [null, null, []]);
      assert.deepEqual(await rollouts.route("route:chat"), { revision: 2, route: null });
      assert.equal(await rollouts.writeRoute("route:chat", null, { actor: "rollouts", now: epochMs(10) }), 2);
    });

    it("takes drafts away whose start came to nothing, and none that a rollout or a test was of; those of a server that died are found later", async () => {
      const { store, revisions, rollouts } = await open();
      await store.putRoute("chat", 0, { team: "default", settings: route, reason: "" }, by(1));
      const draft = (now: number): Promise<number> => revisions.addDraft("chat", { settings: { ...route, attempts: 5 }, reason: "" }, by(now));
      for (const revision of [2, 3, 4, 5]) assert.equal(await draft(revision), revision);
      await rollouts.add(rolloutOf("rol_1", { model: "route:chat", stable: "1", candidate: "2" }));
      await rollouts.change("rol_1", { state: "aborted" }, { now: epochMs(6), actor: "rollouts" });
      await rollouts.add(rolloutOf("abt_1", { model: "route:chat", kind: "ab-test", stable: "1", candidate: "3", test: { variants: ["3", "4"].map((version) => ({ name: `v${version}`, version })) } }));
      const kept = async (): Promise<number[]> => (await store.routeRevisions("chat", 20)).map(({ revision }) => revision);
      const tried = (await store.routeRevisions("chat", 20)).map(({ revision, rollout }) => [revision, rollout]);
      assert.deepEqual(tried, [[5, null], [4, null], [3, null], [2, { id: "rol_1", state: "aborted", reason: (await rollouts.find("rol_1"))!.reason, endedAt: (await rollouts.find("rol_1"))!.endedAt }], [1, null]]);
      await revisions.dropDrafts("chat", [1, 2, 3, 4, 9]);
      assert.deepEqual(await kept(), [5, 4, 3, 2, 1]);
      await revisions.dropDrafts("chat", [5]);
      assert.deepEqual(await kept(), [4, 3, 2, 1]);
      assert.equal(await draft(1000), 5);
      assert.equal(await draft(1000 + 3_599_999), 6);
      assert.equal(await draft(1000 + 3_600_000), 7);
      assert.deepEqual(await kept(), [7, 6, 4, 3, 2, 1]);
      await revisions.dropDrafts("absent", [1]);
    });

    it("leaves the draft of the one start that wins, of many that come at once", async () => {
      const { store, revisions, rollouts } = await open();
      await store.putRoute("chat", 0, { team: "default", settings: route, reason: "" }, by(1));
      const begun = await Promise.allSettled(Array.from({ length: 8 }, async (_, start) => {
        const revision = await revisions.addDraft("chat", { settings: { ...route, attempts: 5 }, reason: "" }, by(2));
        try {
          await rollouts.add(rolloutOf(`rol_${start}`, { model: "route:chat", stable: "1", candidate: String(revision) }));
        } catch (error) {
          await revisions.dropDrafts("chat", [revision]);
          throw error;
        }
        return revision;
      }));
      const won = begun.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
      assert.equal(won.length, 1);
      assert.deepEqual((await store.routeRevisions("chat", 20)).map(({ revision }) => revision), [...won, 1]);
      assert.equal((await rollouts.current("route:chat"))?.candidate, String(won[0]));
    });

    it("lets one of a change and a rollout begin that come at once", async () => {
      const { store, revisions, rollouts } = await open();
      await store.putRoute("chat", 0, { team: "default", settings: route, reason: "" }, by(1));
      await revisions.addDraft("chat", { settings: route, reason: "" }, by(2));
      const ends = await Promise.allSettled([
        store.putRoute("chat", 1, { team: "default", settings: { ...route, attempts: 6 }, reason: "" }, by(3)), rollouts.add(rolloutOf("rol_1", { model: "route:chat", stable: "1", candidate: "2" })),
      ]);
      assert.deepEqual(ends.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
      assert.equal((await rollouts.current("route:chat")) === null, (await revisions.find("chat"))?.revision === 3);
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
