import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../../core/clock.ts";
import type { MeasurementStore } from "./measurement-store.ts";

export function measurementStoreConformance(adapter: string, open: () => Promise<MeasurementStore>): void {
  describe(`MeasurementStore: ${adapter}`, () => {
    it("answers what was written last, for that version and that kind of machine only", async () => {
      const store = await open();
      assert.equal(await store.read("sha256:a", "one"), null);
      await store.write("sha256:a", "one", [{ rows: 1, milliseconds: 0.5 }], epochMs(1));
      await store.write("sha256:a", "one", [{ rows: 1, milliseconds: 0.01 }, { rows: 64, milliseconds: 0.125 }], epochMs(2));
      assert.deepEqual(await store.read("sha256:a", "one"), [{ rows: 1, milliseconds: 0.01 }, { rows: 64, milliseconds: 0.125 }]);
      assert.equal(await store.read("sha256:a", "two"), null);
      assert.equal(await store.read("sha256:b", "one"), null);
    });
  });
}
