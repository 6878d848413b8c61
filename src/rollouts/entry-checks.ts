import { counted } from "../core/counted.ts";
import { AppError } from "../core/errors.ts";
import type { EntryCheck } from "../registry/index.ts";
import type { CommandRunner, CommandSpec, StepContext, WorkflowContext } from "../workflows/index.ts";
import type { RolloutStore } from "./rollout-store.ts";
import { endsIt } from "./rollout-moves.ts";
import { openStates, type Rollout } from "./schemas.ts";

export const approvalSignal = "rollout.approval";

/** What is sent to a rollout that waits for a person. `stop`: it has ended meanwhile. */
export type ApprovalPayload = { action: "approve"; phase: number; by: string; reason: string } | { action: "stop" };

/** What a check may use. */
export interface CheckParts {
  store: Pick<RolloutStore, "find">;
  commands(): CommandRunner;
  /** SLIPWAY_URL, and a key for the model where the server asks for one; `release` ends the key. */
  environmentOf(rollout: Rollout): Promise<{ environment: Record<string, string>; release(): Promise<void> }>;
  /** Local paths of the candidate's files, each verified. Throws BLOB_NOT_FOUND, BLOB_CORRUPT. */
  filesOf(rollout: Rollout): Promise<{ name: string; path: string }[]>;
  /** What is wrong with the files; nothing where they are as they should be. */
  scanFiles(rollout: Rollout): Promise<string[]>;
  /** What is wrong with how the candidate answers hostile requests. */
  scanEndpoint(rollout: Rollout, signal: AbortSignal): Promise<string[]>;
}

/** What a check answers in the run's journal. */
export interface CheckResult {
  passed: boolean;
  detail: string;
}

/** The name of a check's step, by which its state is found again. */
export function checkStep(phase: number, number: number, { name }: EntryCheck): string {
  return `check ${phase}.${number} ${name}`;
}

/** Checks before a phase gets traffic, as steps of the rollout's run. */
export class EntryChecks {
  readonly #parts: CheckParts;
  readonly #context: WorkflowContext;
  readonly #id: string;

  constructor(parts: CheckParts, context: WorkflowContext, id: string) {
    this.#parts = parts;
    this.#context = context;
    this.#id = id;
  }

  /** Null when it passed. */
  async run(check: EntryCheck, phase: number, number: number): Promise<{ reason: string } | { ended: true } | null> {
    const step = checkStep(phase, number, check);
    if (check.kind === "approval") return this.#approval(step, check.timeoutSeconds, phase);
    const result = await this.#context.step(step, (context) => this.#check(check, context), { retry: { maxAttempts: 1 }, timeoutMs: check.timeoutSeconds * 1000 + 30_000 });
    if (result === null) return { ended: true };
    return result.passed ? null : { reason: `${check.name}: ${result.detail}` };
  }

  async #approval(step: string, timeoutSeconds: number, phase: number): Promise<{ reason: string } | { ended: true } | null> {
    for (let round = 1; ; round++) {
      const payload = await this.#context.waitForSignal<ApprovalPayload>(`${step} #${round}`, { signal: approvalSignal, key: this.#id, timeoutMs: timeoutSeconds * 1000 });
      if (payload === null) return { reason: `nobody approved within ${counted(timeoutSeconds, "second")}` };
      if (payload.action === "stop") return { ended: true };
      if (payload.phase === phase) return null;
    }
  }

  async #check(check: Exclude<EntryCheck, { kind: "approval" }>, context: StepContext): Promise<CheckResult | null> {
    const rollout = await this.#parts.store.find(this.#id);
    if (rollout === null || !openStates.includes(rollout.state) || endsIt(rollout.request)) return null;
    try {
      if (check.command !== null) return await this.#command(check, rollout, context);
      if (check.kind === "scan" && check.of !== "image") {
        const problems = check.of === "files" ? await this.#parts.scanFiles(rollout) : await this.#parts.scanEndpoint(rollout, context.signal);
        return { passed: problems.length === 0, detail: problems.length === 0 ? "nothing was found" : problems.slice(0, 20).join("; ") };
      }
      return { passed: false, detail: "an image is scanned by a command, and the check names none" };
    } catch (error) {
      // A process that ends has not judged anything: the check is made again elsewhere.
      context.signal.throwIfAborted();
      if (error instanceof AppError) return { passed: false, detail: error.message };
      throw error;
    }
  }

  async #command(check: Exclude<EntryCheck, { kind: "approval" }>, rollout: Rollout, { signal, log }: StepContext): Promise<CheckResult> {
    const { environment, release } = await this.#parts.environmentOf(rollout);
    const limit = AbortSignal.timeout(check.timeoutSeconds * 1000);
    try {
      const files = check.kind === "scan" && check.of === "files" ? await this.#parts.filesOf(rollout) : [];
      const image: Record<string, string> = check.kind === "scan" && check.image !== null ? { SLIPWAY_IMAGE: check.image } : {};
      const spec: CommandSpec = {
        command: check.command as [string, ...string[]],
        input: { model: rollout.model, version: rollout.candidate, stable: rollout.stable, rollout: rollout.id, files },
        environment: { SLIPWAY_MODEL: rollout.model, SLIPWAY_VERSION: rollout.candidate, ...environment, ...image },
      };
      await this.#parts.commands().run(spec, { signal: AbortSignal.any([signal, limit]), onLine: (_, line) => log(line) });
      return { passed: true, detail: "passed" };
    } catch (error) {
      signal.throwIfAborted();
      if (limit.aborted) return { passed: false, detail: `it took longer than ${counted(check.timeoutSeconds, "second")}` };
      throw error;
    } finally {
      await release();
    }
  }
}
