import { AppError } from "../../../core/errors.ts";
import type { Schedule, ScheduleStore } from "../workflow-ports.ts";
import type { WorkflowScheduleRow } from "../database-schema.ts";
import { holdTeam } from "../access/hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { rowOfNewRun, scheduleOf } from "./sql-workflow-rows.ts";

/** Schedules in SQL. */
export class SqlWorkflowSchedules implements ScheduleStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async list(): Promise<Schedule[]> {
    const rows = await this.#database.queries.selectFrom("workflow_schedules").selectAll().orderBy("name").execute();
    return rows.map(scheduleOf);
  }

  async find(name: string): Promise<Schedule | null> {
    const row = await this.#database.queries.selectFrom("workflow_schedules").selectAll().where("name", "=", name).executeTakeFirst();
    return row === undefined ? null : scheduleOf(row);
  }

  put(schedule: Schedule, movedFrom: string = schedule.team): Promise<Schedule> {
    const { name, team } = schedule;
    const changed = {
      workflow: schedule.workflow, cron: schedule.cron, time_zone: schedule.timeZone, missed: schedule.missed,
      input_json: JSON.stringify(schedule.input ?? null), team, next_at: schedule.nextAt, paused_at: schedule.paused ? schedule.createdAt : null,
    };
    const row: WorkflowScheduleRow = { ...changed, name, owner: schedule.owner, created_at: schedule.createdAt, last_at: schedule.lastAt };
    return this.#database.transaction(async (transaction) => {
      if (team !== "*") await holdTeam(transaction, team);
      // Judged by the row that is there at this moment: two teams may have found the name free.
      const put = await transaction
        .insertInto("workflow_schedules")
        .values(row)
        .onConflict((conflict) => conflict.column("name").doUpdateSet(changed).where("workflow_schedules.team", "in", [team, movedFrom]))
        .returningAll()
        .executeTakeFirst();
      if (put === undefined) throw new AppError("NAME_TAKEN", "Another team has a schedule of this name.");
      return scheduleOf(put);
    });
  }

  async remove(name: string, team: string): Promise<boolean> {
    const { numDeletedRows } = await this.#database.queries.deleteFrom("workflow_schedules").where("name", "=", name).where("team", "=", team).executeTakeFirst();
    return Number(numDeletedRows) > 0;
  }

  fire({ name, expectedNextAt, runs, nextAt, lastAt }: Parameters<ScheduleStore["fire"]>[0]): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const moved = await transaction
        .updateTable("workflow_schedules").set({ next_at: nextAt, last_at: lastAt })
        .where("name", "=", name).where("next_at", "=", expectedNextAt).where("paused_at", "is", null)
        .returning("name")
        .executeTakeFirst();
      if (moved === undefined) return false;
      for (const run of runs) {
        await transaction.insertInto("workflow_runs").values(rowOfNewRun(run)).onConflict((conflict) => conflict.doNothing()).execute();
      }
      return true;
    });
  }
}
