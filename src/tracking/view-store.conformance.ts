import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { RunView } from "./schemas.ts";
import type { ViewStore } from "./view-store.ts";

export function viewStoreConformance(adapter: string, open: () => Promise<ViewStore>): void {
  describe(`ViewStore: ${adapter}`, () => {
    let store: ViewStore;
    beforeEach(async () => {
      store = await open();
    });
    const view = (filter: string): RunView["view"] => RunView.shape.view.parse({ filter, columns: ["metrics.loss", "params.depth"] });

    it("keeps views by name, and changes the one of a name without changing whose it is", async () => {
      const first = await store.put({ id: "vie_1", experiment: "3", name: "best", view: view("metrics.loss < 1"), actor: "key:a", now: epochMs(1000) });
      assert.deepEqual(first, { id: "vie_1", experiment: "3", name: "best", view: view("metrics.loss < 1"), owner: "key:a", createdAt: 1000, updatedAt: 1000 });
      await store.put({ id: "vie_2", experiment: "3", name: "a view", view: view(""), actor: "key:a", now: epochMs(1000) });
      const changed = await store.put({ id: "vie_3", experiment: "3", name: "best", view: view("metrics.loss < 2"), actor: "key:b", now: epochMs(2000) });
      assert.deepEqual(changed, { ...first, view: view("metrics.loss < 2"), updatedAt: 2000 });
      assert.deepEqual((await store.list("3")).map(({ name }) => name), ["a view", "best"]);
      assert.deepEqual(await store.list("4"), []);
    });

    it("removes a view of its own experiment alone", async () => {
      await store.put({ id: "vie_1", experiment: "3", name: "best", view: view(""), actor: "key:a", now: epochMs(1000) });
      const missing = (error: unknown) => error instanceof AppError && error.code === "VIEW_NOT_FOUND";
      await assert.rejects(store.remove("4", "vie_1"), missing);
      await store.remove("3", "vie_1");
      await assert.rejects(store.remove("3", "vie_1"), missing);
      assert.deepEqual(await store.list("3"), []);
    });
  });
}
