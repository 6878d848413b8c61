import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { registryAddition } from "./registry-store.conformance.ts";
import type { RegistryStores } from "./registry-store.ts";
import { Policy } from "./policy-schemas.ts";

const now = epochMs(1_700_000_000_000);

interface OpenedRegistryStore {
  store: RegistryStores;
  /** What is in the outbox, in the order of commits. */
  events: () => Promise<{ type: string; object: string; team: string; actor: string; time: number; payload: unknown }[]>;
}

/** A change of the registry and its event are there together, or neither is. `open` gives a store over a new, empty database. */
export function registryEventsConformance(adapterName: string, open: () => Promise<OpenedRegistryStore>): void {
  describe(`events of the RegistryStore: ${adapterName}`, () => {
    it("tell of versions, aliases and policies, and whose doing it was", async () => {
      const { store, events } = await open();
      const { contractDigest } = await store.addVersion({ ...registryAddition("flights"), alias: "champion" });
      await store.setAlias({ model: "flights", alias: "next", version: "1", actor: "user:usr_1", now });
      await store.addPolicyRevision({ model: "flights", revision: 1, author: "key:key_2", changedAt: now + 5, reason: "Because.", policy: Policy.parse({}) });
      const of = (type: string, actor: string, payload: object, time: number = now) => ({ type, object: "model:flights", team: "default", actor, time, payload: { model: "flights", ...payload } });
      assert.deepEqual(await events(), [
        of("model.version.registered", "key:key_1", { version: "1", contractDigest }),
        of("model.alias.changed", "key:key_1", { alias: "champion", version: "1" }),
        of("model.alias.changed", "user:usr_1", { alias: "next", version: "1" }),
        of("model.policy.changed", "key:key_2", { revision: 1, reason: "Because." }, now + 5),
      ]);
    });

    it("say of every change of a prompt that it is one, as long as it is", async () => {
      const { store, events } = await open();
      const by = { actor: "local", now };
      const marked = { key: "mlflow.prompt.is_prompt", value: "True" };
      await store.createModel({ name: "greeting", team: "default", ...by, description: "Hello", tags: [marked] });
      await store.addVersion({ ...registryAddition("greeting"), facts: { description: "First", tags: [{ key: "b", value: "2" }], source: "s", runId: "r" } });
      await store.tagModel("greeting", { set: [{ key: "k", value: "v" }] }, by);
      await store.tagVersion("greeting", "1", { set: [{ key: "k", value: "v" }] }, by);
      await store.setAlias({ model: "greeting", alias: "live", version: "1", ...by });
      await store.deleteAlias("greeting", "live", by);
      await store.tagModel("greeting", { remove: [marked.key] }, by);
      await store.createModel({ name: "flights", team: "default", ...by, description: "", tags: [{ key: marked.key, value: "false" }] });
      const told = (await events()).map(({ type, payload }) => ({ type, ...(payload as { prompt?: true; tags?: unknown; source?: string }) }));
      assert.deepEqual(told.map(({ type, prompt }) => [type, prompt]), [
        ["model.created", true], ["model.version.registered", true], ["model.tag.set", true], ["model.version.tag.set", true], ["model.alias.changed", true],
        ["model.alias.deleted", true], ["model.tag.deleted", undefined], ["model.created", undefined],
      ]);
      const { contractDigest: _, ...registered } = told[1] as Record<string, unknown>;
      assert.deepEqual(registered, { type: "model.version.registered", model: "greeting", version: "1", prompt: true, description: "First", source: "s", runId: "r", tags: [{ key: "b", value: "2" }] });
    });

    it("are not there for what failed", async () => {
      const { store, events } = await open();
      await store.addVersion(registryAddition("flights"));
      const before = await events();
      const policy = { model: "flights", author: "local", changedAt: now, reason: "Because.", policy: Policy.parse({}) };
      for (const failing of [
        () => store.addVersion({ ...registryAddition("flights"), makeContract: () => { throw new Error("planted"); } }),
        () => store.addVersion({ ...registryAddition("flights"), team: "other" }),
        () => store.addVersion({ ...registryAddition("trains"), team: "nobody" }),
        () => store.setAlias({ model: "flights", alias: "champion", version: "2", actor: "local", now }),
        () => store.addPolicyRevision({ ...policy, revision: 2 }),
        () => store.addPolicyRevision({ ...policy, model: "trains", revision: 1 }),
      ]) await assert.rejects(failing());
      assert.deepEqual(await events(), before);
    });

    it("are in the order of the versions, however many register at once", async () => {
      const { store, events } = await open();
      await Promise.all(Array.from({ length: 20 }, () => store.addVersion(registryAddition("flights"))));
      assert.deepEqual((await events()).map(({ payload }) => (payload as { version: string }).version), Array.from({ length: 20 }, (_, index) => String(index + 1)));
    });
  });
}
