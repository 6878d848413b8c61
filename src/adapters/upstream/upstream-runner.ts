import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelRunner, RunResult } from "../../serving/versions/model-runtime.ts";
import type { AnswerRoom } from "./answer-room.ts";
import type { UpstreamServer } from "./upstream-server.ts";
import type { WireShape } from "./upstream-wire.ts";

/** One request upstream at a time. It has nothing that could die: to kill it ends the request under way, and it takes the next. */
export class UpstreamRunner implements ModelRunner {
  readonly placement = "runner";
  readonly executionProvider = "upstream";
  readonly processId = undefined;
  readonly #server: UpstreamServer;
  readonly #shape: WireShape;
  readonly #onClose: () => void;
  #request: { stop: AbortController; ended: Promise<unknown>; room: AnswerRoom | undefined; wasHeldUp: boolean } | null = null;
  #closed = false;

  constructor(server: UpstreamServer, shape: WireShape, onClose: () => void) {
    this.#server = server;
    this.#shape = shape;
    this.#onClose = onClose;
  }

  get unavailable(): string | null {
    return this.#server.health.away;
  }

  get isHeldUp(): boolean {
    return this.#request?.room?.isWaitedFor === true;
  }

  async run(inputs: readonly Tensor[]): Promise<RunResult> {
    if (this.#closed) throw new AppError("RUNNER_CRASHED", "The version is not loaded any more.");
    const startedAt = performance.now();
    const stop = new AbortController();
    const room = this.#server.room();
    const answer = this.#server.answer(inputs, this.#shape, { signal: stop.signal, room });
    this.#request = { stop, ended: answer.catch(() => undefined), room, wasHeldUp: false };
    try {
      return { outputs: await answer, runUs: (performance.now() - startedAt) * 1000, ...(room === undefined || room.isEmpty ? {} : { held: room }) };
    } catch (error) {
      room?.release();
      // Whoever still waits was not the one who left: the policy's limit of a run is spent.
      if (room !== undefined && this.#request?.wasHeldUp === true) throw room.turnedAway(error);
      if (stop.signal.aborted) throw new AppError("UPSTREAM_TIMEOUT", `The request upstream was ended: ${String(stop.signal.reason)}.`, { cause: error });
      throw error;
    } finally {
      this.#request = null;
    }
  }

  /** Never: it ends by `close` alone. */
  onExit(): void {
    return;
  }

  kill(reason: string): void {
    if (this.#request === null) return;
    this.#request.wasHeldUp = this.isHeldUp;
    this.#request.stop.abort(reason);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#request?.ended;
    this.#onClose();
  }
}
