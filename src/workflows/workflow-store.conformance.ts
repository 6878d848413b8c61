import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EpochMs } from "../core/clock.ts";
import type { DomainEvent } from "../core/domain-event.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import { leaseBy, later, newRunOf, stepOf, storeNow as now } from "./new-run.fixture.ts";
import { LeaseLost, type RunDirectory, type SignalStore, type WorkflowStore } from "./workflow-store.ts";

/** All over one new, empty database. */
export interface WorkflowStores {
  store: WorkflowStore;
  directory: RunDirectory;
  signals: SignalStore;
  /** Has the team `default` at first. */
  teams: {
    add(team: { name: string; description: string }, by: { actor: string; now: EpochMs }): Promise<void>;
    remove(name: string, by: { actor: string; now: EpochMs }): Promise<void>;
  };
  /** What the outbox has, oldest first. */
  events(): Promise<Pick<DomainEvent, "type" | "object" | "payload">[]>;
}

const by = { actor: "key:a", now };
const failsWith = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;

/** What every WorkflowStore promises. */
export function workflowStoreConformance(adapter: string, open: () => Promise<WorkflowStores>): void {
  describe(`WorkflowStore: ${adapter}`, () => {
    it("tells a time that does not go back", async () => {
      const { store } = await open();
      const first = await store.time();
      assert.ok(Number.isSafeInteger(first) && first > 1_000_000_000_000);
      assert.ok((await store.time()) >= first);
    });

    it("adds a run and gives it back as it was", async () => {
      const { store, directory, teams } = await open();
      await teams.add({ name: "blue", description: "" }, by);
      const request = newRunOf(1, { input: { text: "ä\0", deep: [1, null, { a: 1.5 }] }, priority: -3, concurrencyKey: "k", schedule: "nightly", team: "blue" });
      const { run, created } = await store.addRun(request);
      assert.equal(created, true);
      assert.deepEqual(run, {
        id: request.id, workflow: "train", version: 1, state: "queued", input: request.input, output: null, error: null, idempotencyKey: null, priority: -3,
        concurrencyKey: "k", team: "blue", owner: "key:a", schedule: "nightly", createdAt: now, dueAt: now, startedAt: null, endedAt: null,
        cancelRequested: false, progress: null, progressNote: null,
      });
      assert.deepEqual(await directory.find(run.id), run);
    });

    it("starts once for one idempotency key, and refuses it with another input", async () => {
      const { store, directory } = await open();
      const add = (number: number, change = {}) => store.addRun(newRunOf(number, { idempotencyKey: "once", input: { a: 1, b: 2 }, ...change }));
      const answers = await Promise.all([1, 2, 3, 4].map((number) => add(number)));
      assert.equal(answers.filter(({ created }) => created).length, 1);
      assert.equal(new Set(answers.map(({ run }) => run.id)).size, 1);
      // The order of members does not make another input; another workflow has keys of its own.
      assert.equal((await add(5, { input: { b: 2, a: 1 } })).created, false);
      await assert.rejects(add(6, { input: { a: 2 } }), failsWith("IDEMPOTENCY_CONFLICT"));
      assert.equal((await add(7, { workflow: "other" })).created, true);
      assert.equal((await directory.list({ limit: 10 })).length, 2);
    });

    it("keeps one team's idempotency keys apart from another's, and callers' from those of schedules", async () => {
      const { store, directory, teams } = await open();
      for (const name of ["blue", "red"]) await teams.add({ name, description: "" }, by);
      const add = async (number: number, change: Parameters<typeof newRunOf>[1]) => (await store.addRun(newRunOf(number, { idempotencyKey: "nightly@1", ...change }))).created;
      assert.deepEqual([await add(1, { team: "blue" }), await add(2, { team: "red", input: "another" }), await add(3, { schedule: "nightly" })], [true, true, true]);
      assert.deepEqual([await add(4, { team: "blue" }), await add(5, { schedule: "nightly" })], [false, false]);
      assert.deepEqual((await directory.list({ limit: 9 })).map(({ idempotencyKey }) => idempotencyKey), ["nightly@1", "nightly@1", "nightly@1"]);
    });

    it("adds no run to a team that is not there, so that a later one of its name inherits none", async () => {
      const { store, directory, teams } = await open();
      const add = (number: number) => store.addRun(newRunOf(number, { team: "blue" }));
      await assert.rejects(add(1), failsWith("TEAM_NOT_FOUND"));
      await assert.rejects(store.addRun(newRunOf(2, { team: "blue", idempotencyKey: "once" })), failsWith("TEAM_NOT_FOUND"));
      await teams.add({ name: "blue", description: "" }, by);
      assert.deepEqual(await directory.list({ limit: 9 }), []);
      assert.deepEqual([(await add(1)).created, (await store.addRun(newRunOf(3, { team: "*" }))).created], [true, true]);
      await assert.rejects(teams.remove("blue", by), failsWith("TEAM_NOT_EMPTY"));
      assert.equal((await directory.requestCancel(newRunOf(1).id, now)).state, "cancelled");
      await teams.remove("blue", by);
      await assert.rejects(add(4), failsWith("TEAM_NOT_FOUND"));
    });

    it("loses no team under a run that is being added: one of the two fails", async () => {
      const { store, directory, teams } = await open();
      for (let round = 1; round <= 10; round++) {
        const team = `t${round}`;
        await teams.add({ name: team, description: "" }, by);
        const [added, removed] = await Promise.allSettled([store.addRun(newRunOf(round, { team })), teams.remove(team, by)]);
        assert.notEqual(added.status, removed.status);
        assert.equal((await directory.list({ limit: 99, teams: [team] })).length, added.status === "fulfilled" ? 1 : 0);
      }
    });

    it("finds its own run when a write that has arrived is repeated", async () => {
      const { store } = await open();
      const { run } = await store.addRun(newRunOf(1));
      assert.deepEqual(await store.addRun(newRunOf(1)), { run, created: true });
    });

    it("leases what is due, by priority and age, once, of known workflows and versions", async () => {
      const { store, directory } = await open();
      await store.addRun(newRunOf(1));
      await store.addRun(newRunOf(2));
      await store.addRun(newRunOf(3, { priority: 5 }));
      await store.addRun(newRunOf(4, { dueAt: later(1) }));
      await store.addRun(newRunOf(5, { version: 2 }));
      await store.addRun(newRunOf(6, { workflow: "other" }));
      const first = await store.lease(leaseBy("a", now, { limit: 2 }));
      assert.deepEqual(first.map(({ run, epoch, crashes }) => [Number(run.id.slice(4)), run.state, run.startedAt, epoch, crashes]), [[3, "running", now, 1, 0], [1, "running", now, 1, 0]]);
      assert.deepEqual((await store.lease(leaseBy("b", now))).map(({ run }) => Number(run.id.slice(4))), [2]);
      assert.deepEqual(await store.lease(leaseBy("b", now)), []);
      assert.equal((await directory.find(newRunOf(3).id))?.state, "running");
      assert.deepEqual((await store.lease(leaseBy("b", later(1)))).map(({ run }) => Number(run.id.slice(4))), [4]);
    });

    it("gives no run to two replicas that ask at once", async () => {
      const { store } = await open();
      for (let number = 1; number <= 40; number++) await store.addRun(newRunOf(number));
      const leases = await Promise.all(Array.from({ length: 10 }, (_, replica) => store.lease(leaseBy(`r${replica}`, now, { limit: 5 }))));
      const ids = leases.flat().map(({ run }) => run.id);
      assert.equal(new Set(ids).size, ids.length);
      assert.equal(ids.length, 40);
    });

    it("keeps to the limits of workflows and keys, also when replicas ask at once, and passes over those that are full", async () => {
      const { store } = await open();
      for (let number = 1; number <= 20; number++) await store.addRun(newRunOf(number, { concurrencyKey: number <= 15 ? "busy" : `key ${number}` }));
      const workflows = [{ name: "train", version: 1, concurrencyLimit: 2 }];
      const leases = await Promise.all(["a", "b", "c"].map((owner) => store.lease(leaseBy(owner, now, { limit: 4, workflows }))));
      const leased = leases.flat();
      const busy = leased.filter(({ run }) => run.concurrencyKey === "busy");
      assert.equal(busy.length, 2);
      assert.equal(leased.length, 7);
      // A run that sleeps keeps its place; one that ends gives it away.
      await store.release(busy[0]!.run.id, 1, { state: "sleeping", dueAt: later(50_000) }, now);
      assert.deepEqual(await store.lease(leaseBy("d", now, { workflows })), []);
      await store.release(busy[1]!.run.id, 1, { state: "succeeded", output: null }, now);
      assert.deepEqual((await store.lease(leaseBy("d", now, { workflows }))).map(({ run }) => run.concurrencyKey), ["busy"]);
    });

    it("takes over when a lease has ended, and refuses every write of the old owner", async () => {
      const { store, signals } = await open();
      await store.addRun(newRunOf(1));
      const [old] = await store.lease(leaseBy("a", now));
      const { id } = old!.run;
      assert.deepEqual(await store.lease(leaseBy("b", later(9999))), []);
      await store.writeSteps(id, old!.epoch, [stepOf("before")]);
      const [taken] = await store.lease(leaseBy("b", later(10_000)));
      assert.deepEqual([taken!.run.id, taken!.epoch, taken!.crashes, taken!.run.startedAt], [id, 2, 1, now]);
      const writes = [
        () => store.writeSteps(id, 1, [stepOf("late", { position: 2 }), stepOf("later", { position: 3 })]),
        () => store.release(id, 1, { state: "sleeping", dueAt: null }, now),
        () => store.release(id, 1, { state: "succeeded", output: 1 }, now),
        () => store.writeProgress(id, 1, 0.5, null),
        () => signals.wait(id, 1, { step: "s", name: "n", key: "" }),
        () => signals.take(id, 1, { name: "n", key: "" }, () => stepOf("s")),
      ];
      for (const write of writes) await assert.rejects(write(), LeaseLost);
      assert.deepEqual((await store.readSteps(id)).map(({ step }) => step), ["before"]);
      assert.deepEqual(await store.renew({ owner: "a", now, leaseMs: 1000, runs: [{ id, epoch: 1 }] }), []);
      await store.writeSteps(id, 2, [stepOf("new", { position: 2 })]);
    });

    it("ends all leases at once: of whoever held them as if the time were over, and of nobody who has left", async () => {
      const { store } = await open();
      for (const number of [1, 2, 3]) await store.addRun(newRunOf(number));
      const [first, second, third] = await store.lease(leaseBy("a", now));
      await store.release(third!.run.id, third!.epoch, { state: "succeeded", output: null }, now);
      await store.release(second!.run.id, second!.epoch, { state: "sleeping", dueAt: later(50_000) }, now);
      assert.equal(await store.endLeases(now), 1);
      assert.equal(await store.endLeases(now), 0);
      assert.deepEqual((await store.lease(leaseBy("b", now))).map(({ run, epoch, crashes }) => ({ id: run.id, epoch, crashes })), [{ id: first!.run.id, epoch: 2, crashes: 1 }]);
      await assert.rejects(store.writeSteps(first!.run.id, 1, [stepOf("late")]), LeaseLost);
    });

    it("renews leases, and tells of cancellations", async () => {
      const { store, directory } = await open();
      for (const number of [1, 2]) await store.addRun(newRunOf(number));
      const runs = (await store.lease(leaseBy("a", now))).map(({ run, epoch }) => ({ id: run.id, epoch }));
      await directory.requestCancel(runs[1]!.id, now);
      const renewed = await store.renew({ owner: "a", now: later(9000), leaseMs: 10_000, runs: [...runs, { id: newRunOf(9).id, epoch: 1 }] });
      assert.deepEqual(renewed.sort((left, right) => (left.id < right.id ? -1 : 1)), [{ id: runs[0]!.id, cancelRequested: false }, { id: runs[1]!.id, cancelRequested: true }]);
      assert.deepEqual(await store.lease(leaseBy("b", later(18_999))), []);
      assert.equal((await store.lease(leaseBy("b", later(19_000)))).length, 2);
    });

    it("counts crashes, anew where the journal has grown", async () => {
      const { store } = await open();
      await store.addRun(newRunOf(1));
      const crashes: number[] = [];
      for (let turn = 0; turn < 6; turn++) {
        const [leased] = await store.lease(leaseBy(`r${turn}`, later(turn * 10_000)));
        crashes.push(leased!.crashes);
        if (turn === 3) await store.writeSteps(leased!.run.id, leased!.epoch, [stepOf("a")]);
        if (turn === 5) await store.release(leased!.run.id, leased!.epoch, { state: "sleeping", dueAt: now }, now);
      }
      assert.deepEqual(crashes, [0, 1, 2, 3, 1, 2]);
      assert.equal((await store.lease(leaseBy("z", later(100_000))))[0]!.crashes, 0);
    });

    it("writes steps over what it had of them, and gives them back in their order", async () => {
      const { store } = await open();
      await store.addRun(newRunOf(1));
      const [{ run, epoch }] = (await store.lease(leaseBy("a", now))) as [Awaited<ReturnType<WorkflowStore["lease"]>>[number]];
      const retrying = stepOf("b", { position: 1, state: "retrying", attempts: 2, endedAt: null, wakeAt: later(100), result: null, error: { code: "STEP_FAILED", message: "no", step: "b" } });
      await store.writeSteps(run.id, epoch, [retrying]);
      assert.deepEqual(await store.readSteps(run.id), [retrying]);
      const done = stepOf("b", { position: 3, attempts: 3, result: "text with \0 and \ud800" });
      await Promise.all([store.writeSteps(run.id, epoch, [done, stepOf("c", { position: 4, result: null })]), store.writeSteps(run.id, epoch, [stepOf("a", { position: 2, kind: "sleep" })])]);
      assert.deepEqual((await store.readSteps(run.id)).map(({ step, position }) => [step, position]), [["a", 2], ["b", 3], ["c", 4]]);
      assert.deepEqual((await store.readSteps(run.id))[1], done);
    });

    it("writes of many runs at once: those of a lost lease alone fail", async () => {
      const { store } = await open();
      for (let number = 1; number <= 30; number++) await store.addRun(newRunOf(number));
      const leased = await store.lease(leaseBy("a", now, { limit: 30 }));
      const outcomes = await Promise.allSettled(leased.map(({ run, epoch }, index) => store.writeSteps(run.id, epoch + (index % 3 === 0 ? 1 : 0), [stepOf("a"), stepOf("b", { position: 2 })])));
      for (const [index, outcome] of outcomes.entries()) {
        assert.equal(outcome.status, index % 3 === 0 ? "rejected" : "fulfilled");
        assert.equal((await store.readSteps(leased[index]!.run.id)).length, index % 3 === 0 ? 0 : 2);
      }
    });

    it("lets a run sleep until its time, and until a signal alone", async () => {
      const { store, directory } = await open();
      for (const number of [1, 2]) await store.addRun(newRunOf(number));
      const [first, second] = await store.lease(leaseBy("a", now));
      await store.release(first!.run.id, 1, { state: "sleeping", dueAt: later(500) }, now);
      await store.release(second!.run.id, 1, { state: "sleeping", dueAt: null }, now);
      assert.deepEqual([(await directory.find(first!.run.id))?.dueAt, (await directory.find(second!.run.id))?.dueAt], [later(500), null]);
      assert.equal(await store.nextDueAt(now), later(500));
      assert.deepEqual(await store.lease(leaseBy("a", later(499))), []);
      assert.deepEqual((await store.lease(leaseBy("a", later(500)))).map(({ run }) => run.id), [first!.run.id]);
      assert.equal(await store.nextDueAt(later(500)), later(10_500));
    });

    it("ends runs with their outcome, and tells the outbox in the same breath", async () => {
      const { store, directory, events } = await open();
      for (const number of [1, 2, 3]) await store.addRun(newRunOf(number));
      const leased = await store.lease(leaseBy("a", now));
      const error = { code: "STEP_FAILED", message: "no", step: "a" };
      const releases = [{ state: "succeeded", output: { score: 1 } }, { state: "failed", error }, { state: "cancelled", error: null }] as const;
      await Promise.all(leased.map(({ run, epoch }, index) => store.release(run.id, epoch, releases[index]!, later(7))));
      await assert.rejects(store.release(leased[0]!.run.id, 1, releases[0], now), LeaseLost);
      const runs = await Promise.all(leased.map(({ run }) => directory.find(run.id)));
      assert.deepEqual(runs.map((run) => [run!.state, run!.output, run!.error, run!.endedAt, run!.dueAt]), [
        ["succeeded", { score: 1 }, null, later(7), null], ["failed", null, error, later(7), null], ["cancelled", null, null, later(7), null],
      ]);
      const told = (await events()).sort((left, right) => (String(left.payload["run"]) < String(right.payload["run"]) ? -1 : 1));
      assert.deepEqual(told.map(({ type, object }) => [type, object]), [["workflow.run.succeeded", "workflow:train"], ["workflow.run.failed", "workflow:train"], ["workflow.run.cancelled", "workflow:train"]]);
      assert.deepEqual(told[1]!.payload, { run: leased[1]!.run.id, workflow: "train", version: 1, error });
      assert.deepEqual(await store.lease(leaseBy("b", later(1_000_000))), []);
    });

    it("keeps lines in their order, up to the end of the log", async () => {
      const { store, directory } = await open();
      await store.addRun(newRunOf(1));
      const { id } = newRunOf(1);
      const line = (text: string) => ({ step: "a", time: now, stream: "stdout" as const, line: text });
      assert.equal(await store.appendLog(id, [line("1"), line("2")]), true);
      assert.equal(await store.appendLog(id, [line("3")]), true);
      assert.equal(await store.appendLog("wfr_nobody", [line("3")]), false);
      assert.deepEqual((await directory.readLog(id, 1, 1)).map(({ sequence, line: text }) => [sequence, text]), [[2, "2"]]);
      for (let start = 3; start < 99_999; start += 33_332) await store.appendLog(id, Array.from({ length: 33_332 }, () => line("x")));
      assert.equal(await store.appendLog(id, [line("last"), line("too much")]), false);
      assert.equal(await store.appendLog(id, [line("far too much")]), false);
      assert.deepEqual((await directory.readLog(id, 99_999, 10)).map(({ sequence, stream, line: text }) => [sequence, stream, text]), [
        [100_000, "stdout", "last"], [100_001, "slipway", "The log ends here: it takes 100000 lines."],
      ]);
    });

    it("shows progress", async () => {
      const { store, directory } = await open();
      await store.addRun(newRunOf(1));
      await store.lease(leaseBy("a", now));
      await store.writeProgress(newRunOf(1).id, 1, 0.25, "a quarter");
      const run = await directory.find(newRunOf(1).id);
      assert.deepEqual([run?.progress, run?.progressNote], [0.25, "a quarter"]);
    });
  });
}
