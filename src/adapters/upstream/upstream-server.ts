import type { AnswerMemory } from "../../core/answer-memory.ts";
import type { Clock } from "../../core/clock.ts";
import type { EgressClient } from "../../core/egress.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { UpstreamDocument } from "../../registry/index.ts";
import { AnswerRoom } from "./answer-room.ts";
import { assertSuccess, UpstreamExchange } from "./upstream-exchange.ts";
import { UpstreamHealth } from "./upstream-health.ts";
import type { UpstreamWire, WireAnswer, WireMetadata, WireShape } from "./upstream-wire.ts";
import { wireOf } from "./wire-of.ts";

export interface UpstreamServerOptions {
  document: UpstreamDocument;
  /** The values of its headers. */
  headers: Readonly<Record<string, string>>;
  egress: EgressClient;
  /** Without it the answers under way have no bound together. */
  answers?: AnswerMemory | undefined;
  clock: Clock;
  logger: Logger;
  logFields: Readonly<Record<string, unknown>>;
  health?: { everyMs: number; firstRetryMs: number };
}

/** A check may take this long at most: a server that thinks longer of whether it is there is not. */
const longestCheckMs = 5000;

/** A server elsewhere that answers for one version, with what is known of how it does. */
export class UpstreamServer {
  readonly health: UpstreamHealth;
  readonly #document: UpstreamDocument;
  readonly #exchange: UpstreamExchange;
  readonly #wire: UpstreamWire;
  readonly #answers: AnswerMemory | undefined;

  constructor({ document, headers, egress, answers, clock, logger, logFields, health }: UpstreamServerOptions) {
    this.#document = document;
    this.#wire = wireOf(document.protocol);
    this.#answers = answers;
    this.#exchange = new UpstreamExchange({ egress, url: document.url, headers, timeoutMs: document.timeoutMs, maxAnswerBytes: document.maxAnswerBytes, answers });
    this.health = new UpstreamHealth({ check: () => this.check(), clock, logger, logFields, ...health });
  }

  /** Null where predictions can be had, else why not. */
  async check(): Promise<string | null> {
    try {
      const answer = await this.#exchange.get(this.#wire.healthPath(this.#document), { timeoutMs: longestCheckMs });
      return this.#wire.isHealthy(answer, this.#document) ? null : `The server upstream says that it is not ready (${answer.status}).`;
    } catch (error) {
      return toAppError(error).message;
    }
  }

  /** Null for protocols without metadata. Throws as a request does, MODEL_SOURCE_INVALID. */
  async metadata(): Promise<WireMetadata | null> {
    const get = (path: string): Promise<WireAnswer> => this.#exchange.get(path);
    const known = async (path: string): Promise<WireAnswer | null> => {
      const answer = await get(path);
      return answer.status === 200 ? answer : null;
    };
    return (await this.#wire.metadata?.(this.#document, async (path) => assertSuccess(await get(path)), known)) ?? null;
  }

  /** One request upstream, whatever is believed of the server's health. Throws what the exchange throws, MODEL_RUN_FAILED, UPSTREAM_BAD_ANSWER. */
  ask(inputs: readonly Tensor[], shape: WireShape): Promise<Tensor[]> {
    return this.#ask(inputs, shape, {});
  }

  /** Memory for one answer, which whoever asks releases; undefined where answers have no bound together. */
  room(): AnswerRoom | undefined {
    return this.#answers === undefined ? undefined : new AnswerRoom(this.#answers);
  }

  /** The same for callers: at once UPSTREAM_UNREACHABLE while the server is known to be away. What is answered counts in the room. */
  async answer(inputs: readonly Tensor[], shape: WireShape, limits: { signal: AbortSignal; room: AnswerRoom | undefined }): Promise<Tensor[]> {
    const { away, retryAfterSeconds } = this.health;
    if (away !== null) throw new AppError("UPSTREAM_UNREACHABLE", away, { retryAfterSeconds });
    try {
      return await this.#ask(inputs, shape, limits);
    } catch (error) {
      if (error instanceof AppError && (error.code === "UPSTREAM_UNREACHABLE" || error.code === "UPSTREAM_TIMEOUT")) this.health.noteUnreached();
      throw error;
    }
  }

  async #ask(inputs: readonly Tensor[], shape: WireShape, limits: { signal?: AbortSignal; room?: AnswerRoom | undefined }): Promise<Tensor[]> {
    const request = this.#wire.predict(inputs, this.#document, shape);
    const answer = await this.#exchange.post(request, limits, this.#wire.meaningOf);
    const outputs = this.#wire.outputs(answer, this.#document, shape);
    let bytes = 0;
    for (const { data } of outputs) if (!Array.isArray(data)) bytes += data.byteLength;
    limits.room?.add(bytes);
    return outputs;
  }
}
