import type { AnswerMemory } from "../../core/answer-memory.ts";
import type { EgressClient } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import { AnswerRoom } from "./answer-room.ts";
import { isSuccess, type UpstreamWire, type WireAnswer, type WireRequest } from "./upstream-wire.ts";

export interface ExchangeOptions {
  egress: EgressClient;
  /** Where the server is; paths are appended. */
  url: string;
  /** Sent with every request, secrets among them. */
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
  maxAnswerBytes: number;
  /** Without it the answers under way have no bound together. */
  answers?: AnswerMemory | undefined;
}

interface Limits {
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Where the answer counts until that is released; without one, while it comes. */
  room?: AnswerRoom | undefined;
}

/** Statuses that say: these values, not this request. */
const refusesValues = new Set([400, 413, 422]);
const longestRetrySeconds = 60;
/** What an error's body may add to the log. */
const loggedBytes = 2000;

/** Requests to one server upstream. What goes wrong has a code of its own and no word of the server in its message: those are in the cause. */
export class UpstreamExchange {
  readonly #options: ExchangeOptions;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** Whatever the status is. Throws UPSTREAM_UNREACHABLE, UPSTREAM_TIMEOUT, UPSTREAM_BAD_ANSWER for too much, QUEUE_FULL where it waited for room here until its time was over. */
  get(path: string, limits: Limits = {}): Promise<WireAnswer> {
    return this.#send("GET", { path, headers: { accept: "application/json" }, body: "" }, limits);
  }

  /** Answers of 2xx alone. Throws besides UPSTREAM_REFUSED, UPSTREAM_BUSY, UPSTREAM_FAILED, MODEL_RUN_FAILED. */
  async post(request: WireRequest, limits: Limits = {}, meaningOf?: UpstreamWire["meaningOf"]): Promise<WireAnswer> {
    const answer = await this.#send("POST", request, limits);
    return assertSuccess(answer, meaningOf?.(answer));
  }

  async #send(method: "GET" | "POST", { path, headers, body }: WireRequest, limits: Limits): Promise<WireAnswer> {
    const { egress, url, headers: own, maxAnswerBytes, answers } = this.#options;
    const timeoutMs = Math.min(limits.timeoutMs ?? Infinity, this.#options.timeoutMs);
    const late = new AbortController();
    const room = limits.room ?? (answers === undefined ? undefined : new AnswerRoom(answers));
    const signal = limits.signal === undefined ? late.signal : AbortSignal.any([late.signal, limits.signal]);
    // As it was in that moment: with the signal the wait ends.
    let isFull = false;
    const timer = setTimeout(() => {
      isFull = room?.isWaitedFor === true;
      late.abort();
    }, timeoutMs);
    try {
      const answer = await egress.send({
        method, url: `${url.replace(/\/+$/, "")}${path}`, headers: { ...headers, ...own }, body: method === "GET" ? null : body,
        // The own timer says which of the two ended it.
        timeoutMs: timeoutMs + 60_000, maxResponseBytes: maxAnswerBytes + 1,
        signal, ...(room === undefined ? {} : { roomFor: (length: number) => room.roomFor(length, signal) }),
      });
      if (answer.body.byteLength > maxAnswerBytes) throw new AppError("UPSTREAM_BAD_ANSWER", `The server upstream answers with more than ${maxAnswerBytes} bytes.`);
      return answer;
    } catch (cause) {
      if (isFull && room !== undefined) throw room.turnedAway(cause);
      if (late.signal.aborted) throw new AppError("UPSTREAM_TIMEOUT", `The server upstream did not answer within ${timeoutMs} ms.`, { cause });
      if (limits.signal?.aborted === true) throw new AppError("CALLER_GONE", "Nobody waits for the answer any more.", { cause });
      throw unreached(cause);
    } finally {
      clearTimeout(timer);
      room?.arrived();
      if (room !== limits.room) room?.release();
    }
  }
}

function unreached(cause: unknown): unknown {
  if (!(cause instanceof AppError)) return cause;
  if (cause.code === "EGRESS_REFUSED") return new AppError("UPSTREAM_UNREACHABLE", "This server may not reach the address of the server upstream.", { cause });
  return cause.code === "EGRESS_FAILED" ? new AppError("UPSTREAM_UNREACHABLE", `The server upstream cannot be asked: ${cause.message}`, { cause }) : cause;
}

/** Throws what a status amounts to, or `meant` in its place. */
export function assertSuccess(answer: WireAnswer, meant = answer.status): WireAnswer {
  if (isSuccess(answer)) return answer;
  const { status } = answer;
  const cause = new Error(`The server upstream answered ${status}: ${Buffer.from(answer.body.subarray(0, loggedBytes)).toString("utf8")}`);
  if (meant >= 300 && meant < 400) throw new AppError("UPSTREAM_BAD_ANSWER", `The server upstream answers with a redirect (${status}), which is not followed.`, { cause });
  if (refusesValues.has(meant)) throw new AppError("MODEL_RUN_FAILED", `The server upstream refused the values (${status}).`, { cause });
  if (meant === 429 || meant === 503) {
    throw new AppError("UPSTREAM_BUSY", `The server upstream takes no more for now (${status}).`, { cause, retryAfterSeconds: retryAfter(answer.headers["retry-after"]) });
  }
  if (meant === 504 || meant === 408) throw new AppError("UPSTREAM_TIMEOUT", `The server upstream says that it was too slow (${status}).`, { cause });
  if (meant >= 500) throw new AppError("UPSTREAM_FAILED", `The server upstream failed (${status}).`, { cause });
  throw new AppError("UPSTREAM_REFUSED", `The server upstream refused the request (${status}).`, { cause });
}

function retryAfter(header: string | undefined): number {
  const seconds = Number(header);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(longestRetrySeconds, Math.ceil(seconds)) : 1;
}
