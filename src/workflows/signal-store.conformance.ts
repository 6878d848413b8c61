import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { leaseBy, later, newRunOf, stepOf, storeNow as now } from "./new-run.fixture.ts";
import { signalKey } from "./signal-key.ts";
import type { WorkflowStores } from "./workflow-store.conformance.ts";

const wait = { step: "wait", name: "approved", key: "model-1" };
const record = (payload: unknown) => stepOf("wait", { kind: "signal", position: 2, result: payload });

/** What every SignalStore promises. */
export function signalStoreConformance(adapter: string, open: () => Promise<WorkflowStores>): void {
  describe(`SignalStore: ${adapter}`, () => {
    async function openWith(runs: number) {
      const stores = await open();
      for (let number = 1; number <= runs; number++) await stores.store.addRun(newRunOf(number));
      await stores.store.lease(leaseBy("a", now, { limit: runs }));
      return { ...stores, send: (id: string, payload: unknown, change = {}) => stores.signals.send({ id, name: wait.name, key: wait.key, payload, now, team: "default", ...change }) };
    }

    it("keeps a signal until it is taken, once, the oldest first, with its step in the journal", async () => {
      const { signals, send, store } = await openWith(2);
      const [first, second] = [newRunOf(1).id, newRunOf(2).id];
      assert.equal(await signals.take(first, 1, wait, record), null);
      await send("b", { number: 2 }, { now: later(1) });
      await send("a", { number: 1 });
      await send("a", { number: 99 });
      await send("c", null, { key: "model-2" });
      assert.deepEqual(await signals.take(first, 1, wait, record), { payload: { number: 1 } });
      assert.deepEqual((await store.readSteps(first)).map(({ step, result }) => [step, result]), [["wait", { number: 1 }]]);
      assert.deepEqual(await signals.take(second, 1, wait, record), { payload: { number: 2 } });
      assert.equal(await signals.take(second, 1, wait, record), null);
      assert.deepEqual(await signals.take(second, 1, { name: wait.name, key: "model-2" }, record), { payload: null });
    });

    it("gives each of many signals to one of many runs that take at once", async () => {
      const { signals, send } = await openWith(12);
      for (let number = 0; number < 8; number++) await send(`s${number}`, number);
      const taken = await Promise.all(Array.from({ length: 12 }, (_, index) => signals.take(newRunOf(index + 1).id, 1, wait, record)));
      assert.deepEqual(taken.flatMap((answer) => (answer === null ? [] : [answer.payload as number])).sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
    });

    it("wakes a run that sleeps until a signal, and no other", async () => {
      const { signals, send, store, directory } = await openWith(2);
      await signals.wait(newRunOf(1).id, 1, wait);
      await signals.wait(newRunOf(2).id, 1, { ...wait, key: "model-2" });
      for (const number of [1, 2]) await store.release(newRunOf(number).id, 1, { state: "sleeping", dueAt: number === 1 ? null : later(90_000) }, now);
      await send("a", 1, { now: later(5) });
      assert.deepEqual([(await directory.find(newRunOf(1).id))?.dueAt, (await directory.find(newRunOf(2).id))?.dueAt], [later(5), later(90_000)]);
      const [leased] = await store.lease(leaseBy("b", later(5)));
      assert.deepEqual(await signals.take(leased!.run.id, leased!.epoch, wait, record), { payload: 1 });
      // It waits no more: the next signal is for somebody else.
      await store.release(leased!.run.id, leased!.epoch, { state: "sleeping", dueAt: null }, later(6));
      await send("b", 2, { now: later(7) });
      assert.equal((await directory.find(newRunOf(1).id))?.dueAt, null);
    });

    it("misses no signal that comes between the look, the wait and the sleep", async () => {
      const { signals, send, store, directory } = await openWith(20);
      // Each run looks, waits and goes to sleep while its signal is sent: whoever is first, the run is due afterwards.
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const { id } = newRunOf(index + 1);
          const own = { step: "wait", name: "own", key: id };
          const sleep = async (): Promise<void> => {
            if ((await signals.take(id, 1, own, record)) !== null) return;
            await signals.wait(id, 1, own);
            await store.release(id, 1, { state: "sleeping", dueAt: null }, later(1));
          };
          await Promise.all([sleep(), send(`s${index}`, index, { name: "own", key: id })]);
          const run = await directory.find(id);
          assert.ok(run!.state === "running" || run!.dueAt !== null, `${id} sleeps beside its signal`);
        }),
      );
    });

    it("keeps nothing for a team that is not there, so that a later one of its name inherits nothing", async () => {
      const { signals, send, teams } = await openWith(1);
      const by = { actor: "key:a", now };
      const ofTeam = (team: string) => ({ ...wait, key: signalKey(team, "k") });
      const sendTo = (team: string) => send(`of ${team}`, team, { team, key: ofTeam(team).key });
      await assert.rejects(sendTo("blue"), { code: "TEAM_NOT_FOUND" });
      for (const name of ["blue", "blue2"]) await teams.add({ name, description: "" }, by);
      assert.equal(await signals.take(newRunOf(1).id, 1, ofTeam("blue"), record), null);
      await sendTo("blue");
      await sendTo("blue2");
      await sendTo("*");
      await teams.remove("blue", by);
      await teams.add({ name: "blue", description: "" }, by);
      assert.equal(await signals.take(newRunOf(1).id, 1, ofTeam("blue"), record), null);
      for (const team of ["blue2", "*"]) assert.deepEqual(await signals.take(newRunOf(1).id, 1, ofTeam(team), record), { payload: team });
    });

    it("removes old signals that nobody took", async () => {
      const { signals, send } = await openWith(1);
      await send("old", 1);
      await send("new", 2, { now: later(10) });
      assert.equal(await signals.prune(later(10)), 1);
      assert.deepEqual(await signals.take(newRunOf(1).id, 1, wait, record), { payload: 2 });
    });
  });
}
