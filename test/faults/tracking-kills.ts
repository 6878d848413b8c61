import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MlflowWire } from "../kit/mlflow-wire.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { seededRandom, testSeed } from "../kit/seed.ts";
import { until } from "./faulty-server.ts";
import { KillCount } from "./kill-life.ts";
import { KnownObjects, TrackingCaller } from "./tracking-caller.ts";
import { readWorld } from "./tracking-world.ts";
import { WriteLedger } from "./write-ledger.ts";

const callersAtOnce = 6;
const killsPerRound = 20;
/** Before each kill. */
const fewestWrites = 10;

export interface KilledStorage {
  /** Settings of a server on a new, empty database. */
  create(): Promise<Record<string, string>>;
  /** SIGKILL to a database of its own process, and its start. */
  database?: { kill(): Promise<void>; restart(): Promise<void> };
}

/** What callers of MLflow's wire were told is there when the server, or its database, is killed under them at any moment. */
export function trackingKills(name: string, kills: number, storage: KilledStorage): void {
  describe(`tracking on ${name} whose processes are killed`, () => {
    it("has every acknowledged write afterwards, and every other one whole or not at all", async (context) => {
      const count = new KillCount();
      const sums = { acknowledged: 0, unknown: 0 };
      for (let round = 0; count.total < kills; round++) {
        const ledger = await roundOfTracking(storage, { round, name, kills: Math.min(kills, count.total + killsPerRound), count });
        sums.acknowledged += ledger.acknowledged;
        sums.unknown += ledger.unknown;
      }
      context.diagnostic(`${sums.acknowledged} acknowledged writes, ${sums.unknown} in flight, ${count.total} kills, seed ${testSeed}: ${count}`);
      assert.ok(sums.acknowledged >= fewestWrites * (count.total - count.at("start")), "the kills came while there was something to lose");
      if (kills >= 20) assert.ok(sums.unknown > 0, "some came in the middle of writes");
    });
  });
}

async function roundOfTracking(storage: KilledStorage, { round, name, kills, count }: { round: number; name: string; kills: number; count: KillCount }): Promise<WriteLedger> {
  const random = seededRandom(`kills of tracking on ${name}, ${round}`);
  const ledger = new WriteLedger();
  const known = new KnownObjects();
  const callers = Array.from({ length: callersAtOnce }, (_, index) => new TrackingCaller(seededRandom(`caller ${index} of round ${round} on ${name}`), ledger, known));
  const environment = await storage.create();
  const directory = await mkdtemp(join(tmpdir(), "slipway-tracking-"));
  let server: RunningServer | undefined = await startServer({ directory, environment });
  try {
    while (count.total < kills) {
      const url: string = server.url;
      const enough = ledger.acknowledged + random.integer(fewestWrites, 120);
      const target = storage.database === undefined ? "server" : random.pick(["server", "database", "both"]);
      let failure: unknown;
      const working = Promise.all(callers.map((caller) => caller.work(url))).catch((error: unknown) => { failure = error; });
      await until(() => ledger.acknowledged >= enough || failure !== undefined);
      await new Promise((resolve) => setTimeout(resolve, random.integer(0, 15)));
      // Both at once, and neither knows what became of the other.
      await Promise.all([target === "database" ? undefined : server.kill(), target === "server" ? undefined : storage.database?.kill()]);
      await working;
      if (failure !== undefined) throw failure;
      count.add(target);
      if (target !== "server") await storage.database!.restart();
      if (target !== "database") {
        server = undefined;
        // A process that is killed while it recovers leaves the same to the next one.
        if (count.total < kills && random.integer(0, 5) === 0) {
          await startAndKill(directory, environment, random.integer(50, 1500));
          count.add("start");
        }
        server = await startServer({ directory, environment });
      }
      const again: string = server.url;
      await until(async () => (await fetch(`${again}/ready`)).status === 200);
      const wire: MlflowWire = new MlflowWire(again);
      assert.deepEqual(await ledger.judge(() => readWorld(wire, known.artifacts)), [], `after ${count.total} kills, the last of the ${target}`);
    }
  } finally {
    await server?.stop({ keep: true });
    await rm(directory, { recursive: true, force: true });
  }
  return ledger;
}

async function startAndKill(directory: string, environment: Record<string, string>, afterMs: number): Promise<void> {
  let kill: NodeJS.Timeout | undefined;
  const onSpawn = (process: { kill(signal: "SIGKILL"): boolean }): void => { kill = setTimeout(() => process.kill("SIGKILL"), afterMs); };
  const started = await startServer({ directory, environment, onSpawn }).catch(() => undefined);
  // It was quicker than its death.
  await started?.kill();
  clearTimeout(kill);
}
