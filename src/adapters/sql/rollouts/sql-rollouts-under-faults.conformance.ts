import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { answerOf, FaultyDatabase } from "../../../../test/kit/faulty-database.ts";
import { seededRandom } from "../../../../test/kit/seed.ts";
import { epochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import { registryAddition } from "../../../registry/registry-addition.fixture.ts";
import { figuresOf, rolloutOf, routeFor } from "../../../rollouts/rollout.fixture.ts";
import { rolloutStoreOn } from "./rollout-store.fixture.ts";
import type { SqlDatabase } from "../sql-database.ts";

const by = { actor: "key:key_1", now: epochMs(1_700_000_000_000) };

/** One open rollout whatever happens, each change and route whole with its event, and nothing acknowledged lost. `open` gives a new, empty database. */
export function sqlRolloutsUnderFaultsConformance(adapter: string, open: () => Promise<SqlDatabase>): void {
  describe(`SQL rollouts on a database that misbehaves: ${adapter}`, () => {
    it("begins and ends rollouts one after the other, each told of once", async () => {
      const real = await open();
      const { registry, store: kept, events } = rolloutStoreOn(real);
      for (const model of ["flights", "flights"]) await registry.addVersion(registryAddition(model));
      const faulty = new FaultyDatabase(real, seededRandom("rollouts"));
      const { store } = rolloutStoreOn(faulty);
      const begun = new Set<string>();
      const ended = new Set<string>();
      let unanswered = 0;
      const told = async <Result>(work: () => Promise<Result>): Promise<{ result: Result } | undefined> => {
        const answer = await answerOf(work);
        if (answer === undefined) unanswered++;
        return answer;
      };
      await Promise.all([1, 2, 3].map(async (server) => {
        for (let turn = 0; turn < 15; turn++) {
          const id = `rol_${server}_${turn}`;
          const add = (): Promise<boolean> => store.add(rolloutOf(id)).then(() => true, (error: unknown) => {
            if (error instanceof AppError && error.code === "ROLLOUT_UNDER_WAY") return false;
            throw error;
          });
          if ((await told(add))?.result !== true) {
            // Nobody knows, or another has one: whatever is open is ended, so that the next can begin.
            const current = await kept.current("flights");
            if (current !== null && (await told(() => store.change(current.id, { state: "aborted" }, { ...by, event: "rollout.aborted" })))?.result) ended.add(current.id);
            continue;
          }
          begun.add(id);
          if ((await told(() => store.change(id, { state: "succeeded" }, { ...by, event: "rollout.succeeded" })))?.result) ended.add(id);
        }
      }));
      const all = await kept.list({ limit: 1000 });
      for (const id of begun) assert.ok(all.some((one) => one.id === id), `${id} was acknowledged`);
      for (const id of ended) assert.notEqual(all.find((one) => one.id === id)?.endedAt, null);
      assert.ok(all.filter(({ endedAt }) => endedAt === null).length <= 1);
      const seen = (await events()).filter(({ type }) => type.startsWith("rollout.")).map(({ type, payload }) => ({ type, rollout: (payload as { rollout: string }).rollout }));
      for (const { id, state } of all) {
        const expected = ["rollout.started", ...(state === "succeeded" ? ["rollout.succeeded"] : state === "aborted" ? ["rollout.aborted"] : [])];
        assert.deepEqual(seen.filter(({ rollout }) => rollout === id).map(({ type }) => type), expected, id);
      }
      // They began and ended in turn: the outbox has them in the order of commits.
      let under: string | null = null;
      for (const { type, rollout } of seen) {
        assert.equal(under, type === "rollout.started" ? null : rollout);
        under = type === "rollout.started" ? rollout : null;
      }
      // Guards against a test that no fault reached.
      assert.ok(begun.size > 0 && ended.size > 0 && unanswered > 0, JSON.stringify(faulty.met));
    });

    it("counts routes without a gap, and never shows figures or a server in part", async () => {
      const real = await open();
      const { registry, store: kept, events } = rolloutStoreOn(real);
      for (const model of ["flights", "flights"]) await registry.addVersion(registryAddition(model));
      await kept.add(rolloutOf("rol_1"));
      const faulty = new FaultyDatabase(real, seededRandom("routes"));
      const { store } = rolloutStoreOn(faulty);
      const revisions: number[] = [];
      let unanswered = 0;
      await Promise.all(["a", "b", "c"].map(async (replica) => {
        let acknowledged = 0;
        for (let turn = 1; turn <= 20; turn++) {
          const written = await answerOf(() => store.writeRoute("flights", turn % 4 === 0 ? null : routeFor("rol_1", { salt: `${replica} ${turn}` }), by));
          if (written === undefined) unanswered++;
          else revisions.push(written.result);
          if ((await answerOf(() => store.writeFigures("rol_1", "p", replica, figuresOf(turn), by.now))) !== undefined) acknowledged = turn;
          await answerOf(() => store.reportReplica({ id: replica, seenAt: by.now + turn, routes: { flights: turn } }));
          const own = (await kept.readFigures("rol_1", "p")).find((one) => one.replica === replica)?.figures;
          const requests = own?.arms[0]?.requests ?? 0;
          assert.ok(requests === acknowledged || requests === turn, `${requests} of ${turn}, acknowledged ${acknowledged}`);
          if (own !== undefined) assert.deepEqual(own, figuresOf(requests));
        }
      }));
      assert.equal(new Set(revisions).size, revisions.length, "no revision twice");
      const told = (await events()).filter(({ type }) => type === "model.route.changed").map(({ payload }) => (payload as { revision: number }).revision);
      assert.deepEqual(told, told.map((_, index) => index + 1));
      assert.equal((await kept.route("flights"))?.revision, told.length);
      for (const revision of revisions) assert.ok(revision <= told.length);
      assert.ok(unanswered > 0 && faulty.met.after + faulty.met.during + faulty.met.again > 0, JSON.stringify(faulty.met));
    });
  });
}
