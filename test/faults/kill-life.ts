import type { Victim, VictimPool } from "../kit/victim-pool.ts";
import type { Death } from "./kill-draws.ts";
import type { FromVictim, RunsWork, SchedulesWork, ToVictim } from "./victim-messages.ts";

export type WorkflowVictim = Victim<ToVictim, FromVictim>;
export type WorkflowVictims = VictimPool<ToVictim, FromVictim>;

/** How many kills of each kind there were; by point, or `any moment`. */
export class KillCount {
  readonly #kills = new Map<string, number>();

  add(point: string): void {
    this.#kills.set(point, (this.#kills.get(point) ?? 0) + 1);
  }

  get total(): number {
    return [...this.#kills.values()].reduce((sum, each) => sum + each, 0);
  }

  /** How many at points that end with this word. */
  at(word: string): number {
    return [...this.#kills].reduce((sum, [point, kills]) => (point.split(" ").at(-1) === word ? sum + kills : sum), 0);
  }

  toString(): string {
    return [...this.#kills].sort(([, left], [, right]) => right - left).map(([point, kills]) => `${point} ${kills}`).join(", ");
  }
}

/** One process from its first work to its end. Answers where it was killed; null when it ended because its work was done. */
export async function live(
  victim: WorkflowVictim, work: RunsWork | SchedulesWork, death: Death | null, onTick: (tick: { jumpsBack: number }) => { truth: number; end: boolean },
): Promise<string | null> {
  let killedAt: string | null = null;
  let failure: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const kill = (point: string): void => {
    if (killedAt !== null) return;
    killedAt = point;
    // Shorter than a timer can wait; this process has nothing better to do.
    for (const end = performance.now() + (death?.delayMs ?? 0); performance.now() < end; );
    victim.kill();
  };
  victim.onMessage = (message) => {
    if (message.type === "at") kill(message.point);
    else if (message.type === "tick") victim.tell({ type: "time", ...onTick(message) });
    else if (message.type === "working" && typeof death?.afterMs === "number") timer = setTimeout(() => kill("any moment"), death.afterMs);
    else if (message.type === "failed") {
      failure = message.message;
      victim.kill();
    }
  };
  victim.tell(work);
  const ended = await victim.ended;
  clearTimeout(timer);
  // What fails because it is being killed is no failure of its own.
  if (failure !== undefined && killedAt === null) throw new Error(`The process failed: ${failure}`);
  if (ended === "0") return null;
  if (killedAt === null) throw new Error(`The process ended with ${ended}.`);
  return killedAt;
}
