import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { seededRandom, testSeed } from "../kit/seed.ts";
import { VictimPool } from "../kit/victim-pool.ts";
import { bundledVictim } from "./bundled-victim.ts";
import { KillCount, type WorkflowVictims } from "./kill-life.ts";
import { roundOfRuns, type KillTarget } from "./run-kills.ts";
import { roundOfSchedules } from "./schedule-kills.ts";
import type { DatabaseAddress } from "./victim-messages.ts";

/** Real processes that are really killed; SLIPWAY_TEST_KILLS names how many for the runs of each database. Each run of the checks draws others. */
const killsOfRuns = Number(process.env["SLIPWAY_TEST_KILLS"] ?? 32);
const killsOfSchedules = Math.ceil(killsOfRuns / 3);
const killsPerRoundOfSchedules = 60;

export interface KilledDatabases {
  /** A new one, and how the test itself opens it. */
  create(): Promise<{ address: DatabaseAddress; open(): Promise<SqlDatabase> }>;
  /** How many processes work on one at once. */
  replicas: number;
}

/** What must hold on every database when the processes that work on it are killed. */
export function workflowKills(name: string, databases: KilledDatabases): void {
  describe(`workflows on ${name} whose processes are killed`, () => {
    let victims: WorkflowVictims;
    let folder: string;
    let rounds = 0;
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "slipway-kills-"));
      victims = new VictimPool(await bundledVictim(join(folder, "victim")), 2);
    });
    after(async () => {
      await victims?.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const target = async (): Promise<KillTarget> => ({ ...(await databases.create()), effects: join(folder, `effects-${++rounds}`) });

    it("end as if they had lived: no finished step is done again, and nothing is lost", async (context) => {
      const random = seededRandom(`kills of runs on ${name}`);
      const count = new KillCount();
      do await roundOfRuns(await target(), databases.replicas, { victims, random, kills: killsOfRuns, count });
      while (count.total < killsOfRuns);
      context.diagnostic(`${count.total} kills, seed ${testSeed}: ${count}`);
      if (count.total < 1000) return;
      for (const word of ["effect", "lease", "renew", "writeSteps", "release", "moment"]) assert.ok(count.at(word) > 0, `nobody was killed at ${word}`);
    });

    it("fire each time of a schedule once, and leave none out, with two replicas whose clocks differ by minutes", async (context) => {
      const random = seededRandom(`kills of schedules on ${name}`);
      const count = new KillCount();
      const met = { jumpsBack: 0, fired: 0 };
      for (let round = 0; count.total < killsOfSchedules; round++) {
        const kills = Math.min(killsOfSchedules, count.total + killsPerRoundOfSchedules);
        // By the clock of each, which no store does with several replicas, and by the one of the database.
        const { jumpsBack, fired } = await roundOfSchedules(await target(), round % 2 === 0 ? "own clock" : "truth", { victims, random, kills, count });
        met.jumpsBack += jumpsBack;
        met.fired += fired;
      }
      context.diagnostic(`${count.total} kills, seed ${testSeed}, ${met.fired} times fired, ${met.jumpsBack} jumps back: ${count}`);
      assert.ok(met.jumpsBack > 0, "clocks jumped back");
    });
  });
}
