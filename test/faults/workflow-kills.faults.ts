import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, describe, it } from "node:test";
import { orders } from "../kit/workflow-until-killed.ts";
import { TemporaryDatabases } from "../../src/adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemTimers } from "../../src/workflows/timers.ts";
import { workflowStage } from "../../src/workflows/workflow-stage.fixture.ts";

const program = fileURLToPath(new URL("../kit/workflow-until-killed.ts", import.meta.url));
const runsPerRound = 3;
/** How long kills go on; thousands of them with SLIPWAY_TEST_KILLS. */
const kills = Number(process.env["SLIPWAY_TEST_KILLS"] ?? 15);

describe("runs whose process is killed", () => {
  const databases = new TemporaryDatabases();
  after(() => databases.remove());

  it("end as if it had lived, with no finished step done again, wherever it was killed", async (context) => {
    let killed = 0;
    let state = 7;
    // The same points in each run of the test; where they are in the code differs with the machine.
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    while (killed < kills) {
      const path = databases.newPath();
      const effectsFile = join(dirname(path), "effects");
      writeFileSync(effectsFile, "");
      const before = await databases.open({ path });
      const stage = workflowStage(before, { clock: systemClock, timers: systemTimers, definitions: [orders] });
      for (let index = 0; index < runsPerRound; index++) await stage.service.start("orders", { input: { fails: index % 3 === 2 } }, "key:test");
      await before.close();
      const finishedBefore = new Map<string, number>();
      for (let idle = false; !idle; ) {
        const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, path, effectsFile, String(random(40))], { stdio: ["ignore", "pipe", "inherit"] });
        let output = "";
        child.stdout.on("data", (data: Buffer) => (output += data.toString()));
        const [code, signal] = (await once(child, "close")) as [number | null, string | null];
        assert.ok(signal === "SIGKILL" || code === 0, `ended with ${code ?? signal}`);
        if (signal === "SIGKILL") killed++;
        idle = output.includes("idle");
        // What the journal has now must never be done again.
        const effects = effectsOf(effectsFile);
        for (const [effect, times] of finishedBefore) assert.equal(effects.get(effect), times, `${effect} was finished and came again`);
        const database = await databases.open({ path });
        for (const { run, step } of await database.queries.selectFrom("workflow_steps").select(["run", "step"]).where("state", "=", "succeeded").execute()) {
          const times = effects.get(`${run} ${step}`);
          if (times !== undefined) finishedBefore.set(`${run} ${step}`, times);
        }
        await database.close();
      }
      const database = await databases.open({ path });
      const reader = workflowStage(database, { clock: systemClock, timers: systemTimers, definitions: [orders] });
      const effects = effectsOf(effectsFile);
      for (const run of await reader.service.list({ limit: 100 })) {
        const failing = (run.input as { fails: boolean }).fails;
        assert.deepEqual([run.state, run.output], failing ? ["failed", null] : ["succeeded", "yes"], run.error?.message);
        for (const step of ["reserve", "pay", "pack", "label", ...(failing ? ["undo reserve", "undo pay", "undo pack"] : ["send"])]) assert.ok(effects.has(`${run.id} ${step}`), `${step} was lost`);
        for (const step of failing ? ["send", "undo send"] : ["undo reserve", "undo pay", "undo pack", "undo send"]) assert.ok(!effects.has(`${run.id} ${step}`), `${step} was done`);
      }
      await database.close();
    }
    context.diagnostic(`${killed} kills`);
  });
});

function effectsOf(file: string): Map<string, number> {
  const effects = new Map<string, number>();
  for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) effects.set(line, (effects.get(line) ?? 0) + 1);
  return effects;
}
