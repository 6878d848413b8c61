import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { testSeed } from "../../test/kit/seed.ts";
import { ManualClock } from "../core/clock.ts";
import type { AttemptResult } from "./attempt.ts";
import { webhookOf, type EventStoresUnderTest } from "./delivery-store.conformance.ts";
import type { DeliveryStore, LeasedDelivery } from "./delivery-store.ts";
import { DispatcherReplica, turns } from "./dispatcher-replica.fixture.ts";
import { eventOn } from "./outbox.conformance.ts";
import type { RecordedEvent } from "./schemas.ts";

/** The receivers: two webhooks, one of which wants a part, and a subscriber in the process. */
const receivers = [
  { id: "whk_all", wants: () => true },
  { id: "whk_some", wants: ({ type }: { type: string }) => type === "model.policy.changed" },
  { id: "subscriber:auditor", wants: () => true },
];

/** What happens in one step of a scenario. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("write" as const), objects: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }), policy: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("pass" as const), milliseconds: fc.constantFrom(500, 2000, 20_000, 70_000, 400_000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("kill" as const), replica: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("store" as const), failing: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pause" as const), paused: fc.boolean() }) },
);
/** How an attempt goes, in the order of attempts: most fail in some way. */
const behaviour = fc.constantFrom("ok", "ok", "ok", "fails", "fails", "hangs", "answers and fails" as const);

/** A process of the scenario: killed, it can do nothing to the store any more, and nobody hears of its results. */
class Process {
  readonly replica: DispatcherReplica;
  alive = true;
  #underWay = 0;

  constructor(parts: { deliveries: DeliveryStore; clock: ManualClock; isFailing: () => boolean; attempt: (subscription: string, event: RecordedEvent, process: Process) => Promise<boolean>; owner: string }) {
    const store = new Proxy(parts.deliveries, {
      get: (target, property) => async (...given: unknown[]) => {
        if (!this.alive) return new Promise(() => undefined);
        if (parts.isFailing()) throw new Error("planted: the store is away");
        this.#underWay++;
        try {
          const method = target[property as keyof DeliveryStore] as (...given: unknown[]) => Promise<unknown>;
          const result = await method.apply(target, given);
          // The answer of a process that died meanwhile reaches nobody.
          return this.alive ? result : await new Promise(() => undefined);
        } finally {
          this.#underWay--;
        }
      },
    });
    const send = async ({ subscription, event }: LeasedDelivery): Promise<AttemptResult> =>
      (await parts.attempt(subscription, event, this)) ? { ok: true, status: 200 } : { ok: false, status: 500, error: "planted", pause: false, askedMs: 0 };
    this.replica = new DispatcherReplica({
      store, clock: parts.clock, owner: parts.owner, send,
      subscribers: [{
        name: "auditor", types: ["*"],
        handle: async (event) => {
          if (!(await parts.attempt("subscriber:auditor", event, this))) throw new Error("planted");
        },
      }],
    });
  }

  /** Whether it waits for nothing but time. */
  get isQuiet(): boolean {
    return this.#underWay === 0;
  }

  kill(): void {
    this.alive = false;
  }
}

/**
 * What the stores and the dispatcher promise together, in scenarios of two processes that die and hang, a store that is away
 * and receivers that fail. `open` gives stores over a new, empty database; `close` ends them after each scenario.
 */
export function deliveryFaultsConformance(adapter: string, open: (clock: ManualClock) => Promise<EventStoresUnderTest>, close: () => Promise<void>, runs = 30): void {
  describe(`Deliveries under faults: ${adapter}`, () => {
    it("lose no event and keep the order of each object, whoever dies, fails or hangs; what comes twice has a reason", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fc.array(behaviour, { minLength: 1, maxLength: 30 }), async (steps, behaviours) => {
          const clock = new ManualClock();
          const { outbox, webhooks, deliveries, write } = await open(clock);
          await webhooks.add(webhookOf("whk_all"));
          await webhooks.add(webhookOf("whk_some", { types: ["model.policy.changed"] }));
          await deliveries.subscribe("subscriber:auditor");
          let healed = false;
          let storeFails = false;
          let attempts = 0;
          /** Receptions in order, by receiver and object, and who may lawfully repeat what. */
          const received: { receiver: string; object: string; sequence: number }[] = [];
          const repeatable = new Set<string>();

          const attempt = async (receiver: string, { object, sequence }: RecordedEvent, process: Process): Promise<boolean> => {
            if (!process.alive) return new Promise(() => undefined);
            const how = healed ? "ok" : behaviours[attempts++ % behaviours.length]!;
            await turns(attempts % 3);
            if (how === "hangs") {
              // The client of a webhook gives up by itself after 15 seconds; a subscriber is given up after 30.
              const givenUp = clock.now() + 15_000;
              while (clock.now() < givenUp && process.alive && !healed) await turns();
              return false;
            }
            if (how === "fails") return false;
            received.push({ receiver, object, sequence });
            // It arrived, and the answer says that it did not, or nobody is left to write it down.
            if (how === "answers and fails") repeatable.add(`${receiver} ${sequence}`);
            return how === "ok";
          };
          let made = 0;
          const startProcess = (): Process => new Process({ deliveries, clock, attempt, isFailing: () => storeFails, owner: `process ${++made}` });
          const processes = [startProcess(), startProcess()];
          const killed: Process[] = [];
          const quiet = async (): Promise<void> => {
            for (let calm = 0; calm < 4; ) {
              await turns();
              calm = processes.every(({ isQuiet }) => isQuiet) ? calm + 1 : 0;
            }
          };
          const pass = async (milliseconds: number): Promise<void> => {
            // No process stands still for longer than its leases hold, unless it hangs by the scenario.
            await quiet();
            clock.advance(milliseconds);
            for (const { replica } of processes) replica.alarms.advance(milliseconds);
            await quiet();
          };

          for (const one of steps) {
            if (one.kind === "write") {
              await write(one.objects.map((object) => eventOn(`model:${object}`, one.policy ? { type: "model.policy.changed" } : {})));
              for (const { replica } of processes) replica.dispatcher.wake();
              await turns(3);
            } else if (one.kind === "pass") await pass(one.milliseconds);
            else if (one.kind === "store") storeFails = one.failing;
            else if (one.kind === "pause") await webhooks.setPaused("whk_all", one.paused);
            else {
              const [dying] = processes.splice(one.replica, 1, startProcess());
              dying!.kill();
              killed.push(dying!);
            }
          }
          healed = true;
          storeFails = false;
          await webhooks.setPaused("whk_all", false);
          const events = await outbox.readAfter(0, 1000);
          const isOpen = async (): Promise<boolean> => {
            for (const { id, wants } of receivers) {
              const all = await deliveries.list(id, { limit: 1000 });
              if (all.length < events.filter((event) => wants(event)).length || all.some(({ state }) => state === "pending")) return true;
            }
            return false;
          };
          for (let rounds = 0; await isOpen(); rounds++) {
            assert.ok(rounds < 200, "everything ends");
            await pass(4_000_000);
          }
          for (const { replica } of processes) await replica.stop();
          for (const dead of killed) dead.kill();

          for (const { id, wants } of receivers) {
            const states = new Map((await deliveries.list(id, { limit: 1000 })).map((delivery) => [delivery.sequence, delivery]));
            const wanted = events.filter((event) => wants(event));
            assert.deepEqual([...states.keys()].toReversed(), wanted.map(({ sequence }) => sequence), `${id} has one delivery of each event`);
            for (const { sequence } of wanted) {
              const times = received.filter((one) => one.receiver === id && one.sequence === sequence).length;
              const { state, attempts: made } = states.get(sequence)!;
              // Dead ones were tried to the last; what was delivered has arrived.
              if (state === "dead") assert.ok(made >= 12);
              else assert.ok(times >= 1, `${id} got event ${sequence}`);
              const crashed = steps.some(({ kind }) => kind === "kill" || kind === "store");
              if (!crashed && !repeatable.has(`${id} ${sequence}`)) assert.equal(times, 1, `${id} got event ${sequence} once`);
            }
            for (let object = 0; object < 3; object++) {
              // The first reception of each event, for receivers that deduplicate by its id.
              const firsts = received.flatMap((one) => (one.receiver === id && one.object === `model:${object}` ? [one.sequence] : [])).filter((sequence, index, all) => all.indexOf(sequence) === index);
              assert.deepEqual(firsts, firsts.toSorted((left, right) => left - right), `${id} got model:${object} in order`);
            }
          }
          await close();
        }),
        { numRuns: runs, seed: testSeed },
      );
    });
  });
}
