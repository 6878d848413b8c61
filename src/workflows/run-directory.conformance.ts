import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import { leaseBy, later, newRunOf, stepOf, storeNow as now } from "./new-run.fixture.ts";
import type { WorkflowStores } from "./workflow-store.conformance.ts";

const failsWith = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;
const numbersOf = (runs: { id: string }[]): number[] => runs.map(({ id }) => Number(id.slice(4)));

/** What every RunDirectory promises. */
export function runDirectoryConformance(adapter: string, open: () => Promise<WorkflowStores>): void {
  describe(`RunDirectory: ${adapter}`, () => {
    it("lists the newest first, in pages, by workflow, state and team, and counts", async () => {
      const { store, directory, teams } = await open();
      for (const name of ["red", "blue"]) await teams.add({ name, description: "" }, { actor: "key:a", now });
      for (let number = 1; number <= 6; number++) await store.addRun(newRunOf(number, { workflow: number % 2 === 0 ? "train" : "score", team: number <= 3 ? "red" : "blue" }));
      await store.lease(leaseBy("a", now, { limit: 1 }));
      assert.deepEqual(numbersOf(await directory.list({ limit: 4 })), [6, 5, 4, 3]);
      assert.deepEqual(numbersOf(await directory.list({ limit: 4, before: newRunOf(3).id })), [2, 1]);
      assert.deepEqual(numbersOf(await directory.list({ limit: 9, workflow: "train", state: "queued" })), [6, 4]);
      assert.deepEqual(numbersOf(await directory.list({ limit: 9, teams: ["red", "green"] })), [3, 2, 1]);
      assert.deepEqual(await directory.list({ limit: 9, teams: [] }), []);
      assert.deepEqual(await directory.counts(), [{ workflow: "score", state: "queued", runs: 3 }, { workflow: "train", state: "queued", runs: 2 }, { workflow: "train", state: "running", runs: 1 }]);
      assert.equal(await directory.find("wfr_nobody"), null);
    });

    it("cancels at once what has not begun, tells what is under way, and wakes what sleeps", async () => {
      const { store, directory, events } = await open();
      for (const number of [1, 2, 3]) await store.addRun(newRunOf(number, { dueAt: number === 3 ? later(5000) : now }));
      const [running, sleeping] = await store.lease(leaseBy("a", now));
      await store.release(sleeping!.run.id, 1, { state: "sleeping", dueAt: null }, now);
      const waiting = await directory.requestCancel(newRunOf(3).id, later(1));
      assert.deepEqual([waiting.state, waiting.endedAt, waiting.error?.code], ["cancelled", later(1), "RUN_CANCELLED"]);
      assert.deepEqual((await events()).map(({ type }) => type), ["workflow.run.cancelled"]);
      const told = await directory.requestCancel(running!.run.id, later(1));
      assert.deepEqual([told.state, told.cancelRequested], ["running", true]);
      assert.equal((await directory.requestCancel(sleeping!.run.id, later(1))).dueAt, later(1));
      assert.deepEqual((await store.lease(leaseBy("b", later(1)))).map(({ run }) => [run.id, run.cancelRequested]), [[sleeping!.run.id, true]]);
      // The one that was under way goes to sleep without having heard of it.
      await store.release(running!.run.id, 1, { state: "sleeping", dueAt: null }, later(2));
      assert.equal((await directory.find(running!.run.id))?.dueAt, later(2));
      await assert.rejects(directory.requestCancel(newRunOf(3).id, now), failsWith("RUN_STATE_CONFLICT"));
      await assert.rejects(directory.requestCancel("wfr_nobody", now), failsWith("RUN_NOT_FOUND"));
    });

    it("lets a failed run go on without the failure that ended it and what was undone", async () => {
      const { store, directory } = await open();
      await store.addRun(newRunOf(1));
      const { id } = newRunOf(1);
      await assert.rejects(directory.retry(id, now), failsWith("RUN_STATE_CONFLICT"));
      await store.lease(leaseBy("a", now));
      const error = (step: string) => ({ code: "STEP_FAILED", message: "no", step });
      await store.writeSteps(id, 1, [
        stepOf("kept"), stepOf("caught", { position: 2, state: "failed", result: null, error: error("caught") }), stepOf("undone", { position: 3 }),
        stepOf("fatal", { position: 4, state: "failed", result: null, error: error("fatal") }), stepOf("beside", { position: 5, state: "failed", result: null, error: error("beside") }),
        stepOf("undo undone", { position: 6, kind: "compensation", result: null }),
      ]);
      assert.equal((await directory.find(id))?.state, "compensating");
      await store.release(id, 1, { state: "failed", error: error("fatal") }, now);
      const run = await directory.retry(id, later(50));
      assert.deepEqual([run.state, run.dueAt, run.error, run.endedAt, run.startedAt], ["queued", later(50), null, null, null]);
      assert.deepEqual((await store.readSteps(id)).map(({ step }) => step), ["kept", "caught"]);
      const [leased] = await store.lease(leaseBy("a", later(50)));
      assert.ok(leased!.epoch > 2);
    });

    it("removes what ended long ago, and nothing else", async () => {
      const { store, directory, signals } = await open();
      for (let number = 1; number <= 5; number++) await store.addRun(newRunOf(number));
      for (const { run, epoch } of await store.lease(leaseBy("a", now, { limit: 4 }))) {
        await store.writeSteps(run.id, epoch, [stepOf("a")]);
        await store.appendLog(run.id, [{ step: "a", time: now, stream: "log", line: "hello" }]);
        await store.release(run.id, epoch, { state: "succeeded", output: null }, numbersOf([run])[0] === 4 ? later(100) : now);
      }
      await signals.send({ id: "s", name: "n", key: "", payload: 1, now, team: "default" });
      assert.equal(await directory.prune(later(100), 2), 2);
      assert.equal(await directory.prune(later(100), 2), 1);
      assert.equal(await directory.prune(later(100), 2), 0);
      assert.deepEqual(numbersOf(await directory.list({ limit: 9 })), [5, 4]);
      assert.deepEqual([await store.readSteps(newRunOf(1).id), await directory.readLog(newRunOf(1).id, 0, 9)], [[], []]);
      assert.equal((await store.readSteps(newRunOf(4).id)).length, 1);
    });
  });
}
