import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { workflow, type StepContext, type StepOptions, type WorkflowContext, type WorkflowDefinition } from "../workflows/index.ts";
import { EntryChecks, type CheckParts } from "./entry-checks.ts";
import { isFull, ownActor, type Ending, type RolloutMoves } from "./rollout-moves.ts";
import type { RolloutParts } from "./rollout-parts.ts";
import { openStates } from "./schemas.ts";
import type { PhaseWatch, WatchResult } from "./watch-phase.ts";

export const rolloutWorkflowName = "rollout";
const RolloutInput = z.strictObject({ rollout: z.string() });
type RolloutInput = z.infer<typeof RolloutInput>;

const dayMs = 86_400_000;
/** A watch ends by itself after this, so that no step is without an end; the later ones are longer, so that a year's watch has few. */
const firstWatchMs = 600_000;
const longestWatchMs = 21_600_000;
/** Servers follow the alias within this; until then the route keeps everything with the version that it is of. */
const settleMs = 2000;
/** What trying again does not help against. */
const impossible: ReadonlySet<string> = new Set(["VERSION_FAILED", "VERSION_NOT_RUNNABLE", "VERSION_NOT_FOUND", "MODEL_NOT_FOUND", "INVALID_NAME", "BLOB_NOT_FOUND", "BLOB_CORRUPT"]);
/** Moves are tried again for as long as a database may be away. */
const retry = { maxAttempts: 20, initialDelayMs: 200, maxDelayMs: 60_000 };

export interface RolloutWorkflowParts extends RolloutParts {
  moves: RolloutMoves;
  watch: PhaseWatch;
  checks: CheckParts;
}

/**
 * Carries one rollout out: for each phase of its plan the checks, the route, and the watch over it. What it does is in the store before it goes
 * on, so any server may take it over in the middle. A rollout that ends in another way (abort, hard failures) is ended by who sees it; this one tidies up behind.
 */
export function rolloutWorkflow(parts: RolloutWorkflowParts): WorkflowDefinition {
  return workflow<RolloutInput, { state: string; reason: string }>({
    name: rolloutWorkflowName,
    version: 1,
    description: "Roll a version of a model out, phase by phase",
    input: RolloutInput,
    timeoutMs: 90 * dayMs,
    isWatching: true,
    // Started by its own routes, which judge the versions first.
    starter: "admin",
    run: (context, { rollout }) => new RolloutRun(parts, context, rollout).run(),
  }) as WorkflowDefinition;
}

class RolloutRun {
  readonly #parts: RolloutWorkflowParts;
  readonly #context: WorkflowContext;
  readonly #id: string;

  constructor(parts: RolloutWorkflowParts, context: WorkflowContext, id: string) {
    this.#parts = parts;
    this.#context = context;
    this.#id = id;
  }

  async run(): Promise<{ state: string; reason: string }> {
    let ending: Omit<Ending, "actor"> | null = null;
    try {
      ending = await this.#phases();
    } catch (error) {
      ending = { state: "failed", reason: reasonOf(error) };
    }
    if (ending !== null) await this.#step("end", () => this.#end(ending));
    // What others ended is ended whole: traffic, registry, state.
    else await this.#step("finish", () => this.#end(null));
    const state = await this.#step("outcome", async () => (await this.#parts.store.find(this.#id))?.state ?? "failed");
    await this.#context.sleep("settle", settleMs);
    await this.#step("clear", async () => this.#parts.moves.clear(this.#id));
    return { state, reason: ending?.reason ?? "" };
  }

  /** Null where the rollout ended well, or in a way of its own. */
  async #phases(): Promise<Omit<Ending, "actor"> | null> {
    const { moves, store } = this.#parts;
    const plan = await this.#step("plan", async () => (await store.find(this.#id))?.plan ?? null);
    if (plan === null) return null;
    const prepared = await this.#step("prepare", () => this.#prepare());
    if (prepared.next === "impossible") return { state: "failed", reason: prepared.reason };
    if (prepared.next === "ended") return null;
    for (const [index, phase] of plan.phases.entries()) {
      const checks = new EntryChecks(this.#parts.checks, this.#context, this.#id);
      for (const [number, check] of phase.checks.entries()) {
        const refused = await checks.run(check, index, number);
        if (refused !== null) return "ended" in refused ? null : { state: "rolled back", reason: refused.reason };
      }
      if (index === 0 && (await this.#step("stage", async () => moves.stage(this.#id))) === null) return null;
      const revision = await this.#step(`enter ${index}`, async () => moves.enter(this.#id, index));
      if (revision === null) return null;
      if (isFull({ plan, phase: index }) && (await this.#step(`crown ${index}`, async () => moves.crown(this.#id))) === null) return null;
      const watched = await this.#watch(index, revision);
      if (watched.next === "ended") return null;
      if (watched.next === "roll back") return { state: "rolled back", reason: watched.reason };
    }
    if ((await this.#step("crown", async () => moves.crown(this.#id))) === null) return null;
    await this.#step("succeed", async () => (await moves.succeed(this.#id, "every phase passed")) !== null);
    return null;
  }

  /** What cannot be loaded is not tried again: the version stays as it is. */
  async #prepare(): Promise<{ next: "go on" } | { next: "ended" } | { next: "impossible"; reason: string }> {
    try {
      return (await this.#parts.moves.prepare(this.#id)) === null ? { next: "ended" } : { next: "go on" };
    } catch (error) {
      if (error instanceof AppError && impossible.has(error.code)) return { next: "impossible", reason: error.message };
      throw error;
    }
  }

  async #watch(index: number, revision: number): Promise<Exclude<WatchResult, { next: "again" }> | { next: "ended" }> {
    for (let round = 0; ; round++) {
      const timeMs = Math.min(longestWatchMs, firstWatchMs * 2 ** round);
      const watched = await this.#step(
        `watch ${index}.${round}`,
        ({ signal, progress }) => {
          progress(index / 10, `phase ${index}`);
          return this.#parts.watch.watch(this.#id, index, { revision, timeMs, signal });
        },
        { timeoutMs: timeMs + firstWatchMs, endsAtStop: true },
      );
      if (watched.next !== "again") return watched as Exclude<WatchResult, { next: "again" }>;
    }
  }

  async #end(ending: Omit<Ending, "actor"> | null): Promise<null> {
    const { moves, store, watch, clock } = this.#parts;
    const rollout = await store.find(this.#id);
    if (rollout === null || rollout.state === "succeeded") return null;
    const isOpen = openStates.includes(rollout.state);
    // Without an ending of this run somebody else's request says how; there is none where the run was left in the middle.
    const now = clock.now();
    const ended = await moves.end(this.#id, { ...(ending ?? { state: isOpen ? "failed" : "aborted", reason: rollout.reason }), actor: ownActor }, now);
    // What a server or a person asked for was ended here before they could: its numbers are still to be written.
    if (ending === null && isOpen && ended?.endedAt === now) await watch.writeLast(ended, ended.request?.by ?? ownActor);
    return null;
  }

  #step<Result>(name: string, work: (step: StepContext) => Promise<Result>, options: StepOptions<Result> = {}): Promise<Result> {
    return this.#context.step(name, work, { retry, timeoutMs: 600_000, ...options });
  }
}

/** Of a step that failed for good, without the step's name. */
function reasonOf(error: unknown): string {
  return error instanceof AppError && error.code !== "INTERNAL" ? error.message : "It could not be carried out; the server's log says why.";
}
