import { epochMs, type EpochMs } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { DefinitionCatalogue } from "./definition-catalogue.ts";
import { newRun } from "./new-run.ts";
import { dueTimes } from "./schedule-times.ts";
import type { Schedule } from "./schemas.ts";
import type { ScheduleStore } from "./workflow-store.ts";

/** Schedules of other replicas' callers are seen after this. */
const rereadMs = 5000;

/** Starts the runs of schedules at their times. Any number of replicas may do so at once: each time is fired once. */
export class ScheduleRunner {
  readonly #parts: { schedules: ScheduleStore; catalogue: DefinitionCatalogue; ids: IdGenerator; logger: Logger };
  #known: Schedule[] = [];
  #readAt: EpochMs | undefined;

  constructor(parts: { schedules: ScheduleStore; catalogue: DefinitionCatalogue; ids: IdGenerator; logger: Logger }) {
    this.#parts = parts;
  }

  changed(): void {
    this.#readAt = undefined;
  }

  /** Fires what is due. Answers when to come again. */
  async fireDue(now: EpochMs): Promise<EpochMs> {
    if (this.#readAt === undefined || now - this.#readAt >= rereadMs || now < this.#readAt || this.#known.some((schedule) => isDue(schedule, now))) await this.#read(now);
    for (const schedule of this.#known.filter((each) => isDue(each, now))) {
      try {
        await this.#fire(schedule, now);
      } catch (error) {
        // One that cannot be fired must not keep the others from it.
        this.#parts.logger.error("workflows.schedule_not_fired", { schedule: schedule.name, code: toAppError(error).code, cause: error });
      }
    }
    const next = this.#known.flatMap(({ nextAt, paused }) => (nextAt === null || paused || nextAt <= now ? [] : [nextAt]));
    return epochMs(Math.min(now + rereadMs, ...next));
  }

  async #read(now: EpochMs): Promise<void> {
    // Before it is read: what changes meanwhile may not be in it, and is read again.
    this.#readAt = now;
    const schedules = await this.#parts.schedules.list().catch((error: unknown) => {
      this.changed();
      throw error;
    });
    // Those of a workflow that this process does not know are another's.
    this.#known = schedules.filter(({ workflow }) => this.#parts.catalogue.has(workflow));
  }

  async #fire(schedule: Schedule, now: EpochMs): Promise<void> {
    const expectedNextAt = epochMs(schedule.nextAt!);
    const { fire, nextAt } = dueTimes(schedule, expectedNextAt, now);
    const definition = this.#parts.catalogue.latest(schedule.workflow);
    const runs = fire.map((time) =>
      newRun(definition, {
        id: this.#parts.ids.next("run"), input: schedule.input, idempotencyKey: `${schedule.name}@${time}`, priority: 0,
        team: schedule.team, owner: schedule.owner, schedule: schedule.name, now, dueAt: now,
      }),
    );
    const lastAt = fire.at(-1) ?? expectedNextAt;
    const fired = await this.#parts.schedules.fire({ name: schedule.name, expectedNextAt, runs, nextAt, lastAt });
    if (fired) this.#parts.logger.info("workflows.schedule_fired", { schedule: schedule.name, runs: runs.length });
    this.#known = this.#known.map((each) => (each.name === schedule.name ? { ...each, nextAt, lastAt } : each));
    // It was changed, or another replica was faster: its new times are read at once.
    if (!fired) this.changed();
  }
}

function isDue({ nextAt, paused }: Schedule, now: EpochMs): boolean {
  return !paused && nextAt !== null && nextAt <= now;
}
