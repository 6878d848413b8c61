import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import type { SearchCondition } from "../core/search-condition.ts";
import { registryAddition } from "./registry-addition.fixture.ts";
import type { RegistrySearchRequest } from "./registry-search.ts";
import type { RegistryStores } from "./registry-store.ts";

const all: RegistrySearchRequest = { conditions: [], order: [], visible: "all", limit: 100, after: null };
const attribute = (key: string, rest: object): SearchCondition => ({ kind: "attribute", key, ...rest }) as SearchCondition;
const tag = (key: string, rest: object): SearchCondition => ({ kind: "tag", key, ...rest }) as SearchCondition;

/** What every RegistrySearch promises. `open` gives a store over a new, empty database. */
export function registrySearchConformance(adapterName: string, open: () => Promise<RegistryStores>): void {
  describe(`RegistrySearch: ${adapterName}`, () => {
    /** Versions `b 1`, `a 1`, `a 2`, `C 1` in the order of time, and a model `prompt` without versions. */
    const opened = async (): Promise<RegistryStores> => {
      const store = await open();
      const names = ["b", "a", "a", "C"];
      for (const [index, model] of names.entries()) {
        const facts = { source: `runs:/r${index}/100%_model`, runId: `r${index}`, tags: index < 2 ? [{ key: "team", value: index === 0 ? "Blue" : "red" }] : [] };
        await store.addVersion({ ...registryAddition(model), now: epochMs(1000 + index), facts });
      }
      await store.createModel({ name: "prompt", team: "default", actor: "local", now: epochMs(500), description: "", tags: [{ key: "mlflow.prompt.is_prompt", value: "true" }] });
      await store.tagModel("a", { set: [{ key: "k", value: "v" }] }, { actor: "local", now: epochMs(2000) });
      return store;
    };
    const versions = async (store: RegistryStores, request: Partial<RegistrySearchRequest>): Promise<string> =>
      (await store.searchVersions({ ...all, ...request })).items.map(({ model, version }) => `${model} ${version}`).join(", ");
    const models = async (store: RegistryStores, request: Partial<RegistrySearchRequest>): Promise<string> =>
      (await store.searchModels({ ...all, ...request })).items.map(({ name }) => name).join(", ");

    it("lists models by name and versions by their latest change, unless it is told another order", async () => {
      const store = await opened();
      assert.equal(await models(store, {}), "C, a, b, prompt");
      assert.equal(await models(store, { order: [{ kind: "attribute", key: "updatedAt", descending: true }] }), "C, a, b, prompt");
      assert.equal(await models(store, { order: [{ kind: "attribute", key: "createdAt", descending: false }] }), "prompt, b, a, C");
      assert.equal(await versions(store, {}), "C 1, a 2, a 1, b 1");
      await store.describeVersion("b", "1", "later", { actor: "local", now: epochMs(3000) });
      assert.equal(await versions(store, {}), "b 1, C 1, a 2, a 1");
      assert.equal(await versions(store, { order: [{ kind: "attribute", key: "name", descending: true }] }), "b 1, a 2, a 1, C 1");
      assert.equal(await versions(store, { order: [{ kind: "attribute", key: "version", descending: true }] }), "a 2, C 1, a 1, b 1");
    });

    it("compares attributes", async () => {
      const store = await opened();
      assert.equal(await models(store, { conditions: [attribute("name", { operator: "=", value: "a" })] }), "a");
      assert.equal(await models(store, { conditions: [attribute("name", { operator: "LIKE", value: "c%" })] }), "");
      assert.equal(await models(store, { conditions: [attribute("name", { operator: "ILIKE", value: "c%" })] }), "C");
      assert.equal(await models(store, { conditions: [attribute("name", { operator: "IN", value: ["a", "b", "x"] })] }), "a, b");
      assert.equal(await versions(store, { conditions: [attribute("name", { operator: "!=", value: "a" })] }), "C 1, b 1");
      assert.equal(await versions(store, { conditions: [attribute("version", { operator: ">", value: 1 })] }), "a 2");
      assert.equal(await versions(store, { conditions: [attribute("run", { operator: "IN", value: ["r0", "r3"] })] }), "C 1, b 1");
      assert.equal(await versions(store, { conditions: [attribute("source", { operator: "=", value: "runs:/r2/100%_model" })] }), "a 2");
      assert.equal(await versions(store, { conditions: [attribute("source", { operator: "LIKE", value: "runs:/r2\\%" })] }), "");
      assert.equal(await versions(store, { conditions: [attribute("name", { operator: "=", value: "a" }), attribute("run", { operator: "NOT IN", value: ["r2"] })] }), "a 1");
      for (const name of ["'; drop table models; --", "%", "\\"]) assert.equal(await models(store, { conditions: [attribute("name", { operator: "=", value: name })] }), "");
    });

    it("compares tags; what lacks one matches only where it is told to", async () => {
      const store = await opened();
      assert.equal(await versions(store, { conditions: [tag("team", { operator: "=", value: "red" })] }), "a 1");
      assert.equal(await versions(store, { conditions: [tag("team", { operator: "!=", value: "red" })] }), "b 1");
      assert.equal(await versions(store, { conditions: [tag("team", { operator: "ILIKE", value: "b%" })] }), "b 1");
      assert.equal(await versions(store, { conditions: [tag("team", { operator: "!=", value: "red", absentMatches: true })] }), "C 1, a 2, b 1");
      assert.equal(await models(store, { conditions: [tag("mlflow.prompt.is_prompt", { operator: "!=", value: "true", absentMatches: true })] }), "C, a, b");
      assert.equal(await models(store, { conditions: [tag("mlflow.prompt.is_prompt", { operator: "=", value: "true" })] }), "prompt");
      assert.deepEqual((await store.searchModels({ ...all, conditions: [tag("k", { operator: "LIKE", value: "v" })] })).items, [(await store.findModel("a"))!]);
    });

    it("leads from page to page, and refuses what no page gave", async () => {
      const store = await opened();
      const seen: string[] = [];
      let after: string | null = null;
      do {
        const page = await store.searchVersions({ ...all, limit: 3, after });
        assert.ok(page.items.length <= 3);
        seen.push(...page.items.map(({ model, version }) => `${model} ${version}`));
        after = page.next;
      } while (after !== null);
      assert.deepEqual(seen, ["C 1", "a 2", "a 1", "b 1"]);
      assert.equal((await store.searchModels({ ...all, limit: 4 })).next, null);
      await assert.rejects(store.searchModels({ ...all, after: "x" }), { code: "INVALID_PARAMETER" });
    });

    it("shows only what the asker may see", async () => {
      const store = await opened();
      assert.equal(await models(store, { visible: { teams: [], models: [] } }), "");
      assert.equal(await models(store, { visible: { teams: ["default"], models: [] } }), "C, a, b, prompt");
      assert.equal(await models(store, { visible: { teams: ["other"], models: [{ team: "default", name: "a" }, { team: "other", name: "b" }] } }), "a");
      assert.equal(await versions(store, { visible: { teams: [], models: [{ team: "*", name: "a" }] } }), "a 2, a 1");
    });
  });
}
