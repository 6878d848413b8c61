import { z } from "zod";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { workflow, type WorkflowDefinition } from "./definition.ts";
import type { WorkflowService } from "./workflow-service.ts";

/** One thing that is cleared away from time to time. Doing it twice does no harm. */
export interface MaintenanceTask {
  /** Name of its step, such as `collect blobs`. */
  name: string;
  /** Names of what it is done for, one step each; once, as a whole, where this is not given. */
  each?: () => Promise<readonly string[]> | readonly string[];
  /** Answers with the number of things that were removed. */
  run(now: EpochMs, item: string): Promise<number>;
}

const name = "maintenance";

/**
 * The server's own housekeeping, as a workflow: to be seen, started and paused like any other. A task that fails leaves the
 * others alone; the run has failed then.
 */
export function maintenanceWorkflow(tasks: readonly MaintenanceTask[]): WorkflowDefinition {
  return workflow({
    name,
    version: 1,
    description: "Slipway's own housekeeping: files that no model uses, predictions and events past their retention",
    input: z.strictObject({}),
    concurrency: { limit: 1 },
    timeoutMs: 6 * 3_600_000,
    async run(context) {
      const removed: Record<string, number> = {};
      const failed: string[] = [];
      for (const task of tasks) {
        removed[task.name] = 0;
        try {
          const { each } = task;
          const items = each === undefined ? null : await context.step(`${task.name}: list`, () => each());
          for (const item of items ?? [""]) {
            removed[task.name]! += await context.step(items === null ? task.name : `${task.name}: ${item}`, async ({ log }) => {
              const count = await task.run(context.startedAt, item);
              if (count > 0) log(`${count} removed`);
              return count;
            }, { timeoutMs: 3_600_000 });
          }
        } catch (error) {
          // What the step threw, in all its attempts, is in the journal and in the run's log.
          if (!(error instanceof AppError)) throw error;
          failed.push(task.name);
        }
      }
      if (failed.length > 0) throw new AppError("STEP_FAILED", `Not everything could be cleared away: ${failed.join(", ")}.`);
      return { removed };
    },
  });
}

/**
 * Hourly, unless the schedule is there: somebody may have paused it, or given it other times. It is no team's: to pause it
 * keeps what every team wants to be gone.
 */
export async function scheduleMaintenance(workflows: WorkflowService): Promise<void> {
  const isThere = (await workflows.listSchedules()).some((schedule) => schedule.name === name);
  if (!isThere) await workflows.putSchedule(name, { workflow: name, cron: "17 * * * *", missed: "once", team: "*" }, "slipway");
}
