import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exampleRecord, keyOf, now, second } from "./example-spans.fixture.ts";
import type { RunDirectory } from "./run-directory.ts";
import type { TraceStore } from "./trace-store.ts";

const uuid = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

/** What every RunDirectory promises. `open` gives one, and the empty store of its traces. */
export function runDirectoryConformance(adapter: string, open: () => Promise<{ store: TraceStore; runs: RunDirectory }>): void {
  describe(`RunDirectory: ${adapter}`, () => {
    it("lists the services of traces that are seen, with their first and last", async () => {
      const { store, runs } = await open();
      const of = (trace: number, service: string | null, more: { team?: string; experiment?: string } = {}) => exampleRecord(trace, 1, { resource: service === null ? {} : { "service.name": service } }, more);
      await store.write([of(1, "shop"), of(5, "shop"), of(3, "shop", { team: "blue" }), of(2, "Ünï 'x'"), of(4, null), of(6, "bank", { team: "blue" }), of(7, "lab", { team: "red", experiment: "9" })], now);
      const at = (trace: number): number => now + trace * 60_000 + 0.001;
      const all = [{ name: "bank", first: at(6), last: at(6) }, { name: "lab", first: at(7), last: at(7) }, { name: "shop", first: at(1), last: at(5) }, { name: "Ünï 'x'", first: at(2), last: at(2) }];
      assert.deepEqual(await runs.services("all"), all);
      assert.deepEqual(await runs.services({ teams: ["blue"], experiments: [] }), [{ name: "bank", first: at(6), last: at(6) }, { name: "shop", first: at(3), last: at(3) }]);
      assert.deepEqual((await runs.services({ teams: [], experiments: ["9"] })).map(({ name }) => name), ["lab"]);
      assert.deepEqual(await runs.services({ teams: [], experiments: [] }), []);
      assert.deepEqual((await runs.services("all", ["shop", "Ünï 'x'", "none", "no\0ne"])).map(({ name }) => name), ["shop", "Ünï 'x'"]);
      assert.deepEqual(await runs.services("all", []), []);
    });

    it("finds the trace of a run by the trace's id, the id that it was sent with, and the halves of both its ids", async () => {
      const { store, runs } = await open();
      const sent = "018f00000000700080000000000000aa";
      const traceId = `0af7651916cd43dd${"5".repeat(16)}`;
      await store.write([
        exampleRecord(1, 1), exampleRecord(1, 2, { attributes: { "langsmith.run_id": uuid(sent) } }), exampleRecord(2, 1, {}, { team: "blue" }), exampleRecord(2, 3, { attributes: { "langsmith.run_id": uuid(sent) } }, { team: "blue" }),
        exampleRecord(3, 7, { traceId, start: BigInt(now) * 1_000_000n + second }),
      ], now);
      assert.deepEqual(await runs.tracesOf([keyOf(1).traceId], { teams: ["default"], experiments: [] }), [keyOf(1)]);
      assert.deepEqual(await runs.tracesOf([sent], "all"), [keyOf(1), keyOf(2, "blue")]);
      assert.deepEqual(await runs.tracesOf([sent], { teams: ["blue"], experiments: [] }), [keyOf(2, "blue")]);
      assert.deepEqual(await runs.tracesOf([`${traceId.slice(0, 16)}${"7".padStart(16, "0")}`], "all"), [{ team: "default", traceId }]);
      for (const absent of [`${traceId.slice(0, 16)}${"8".padStart(16, "0")}`, `${"f".repeat(16)}${"7".padStart(16, "0")}`, "f".repeat(32), "no hex", ""]) assert.deepEqual(await runs.tracesOf([absent], "all"), [], absent);
      assert.deepEqual(await runs.tracesOf([], "all"), []);
      assert.equal((await runs.tracesOf([...Array.from({ length: 250 }, (_, index) => index.toString(16).padStart(32, "e")), sent], "all")).length, 2);
    });
  });
}
