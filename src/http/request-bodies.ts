import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { ChurnSet, type ChurnMember } from "../core/churn-set.ts";
import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError, type Problem } from "../core/errors.ts";
import type { BodySpec } from "../core/route.ts";
import { BodyBudget, bodyMemoryBytes } from "../core/body-budget.ts";
import type { GivesWay } from "./connection-places.ts";
import { describeProblems, parseJson, parseNumbersAsSent, validate } from "./parse-request.ts";
import { readBody } from "./read-body.ts";

export interface RequestBodyLimits {
  maxInferenceBytes: number;
  bodyTimeoutMs: number;
  /** For the bodies that are held at once, together, and what else is given it; a quarter of the memory when absent. */
  bodyBudget?: BodyBudget;
}

/** A body under way. */
interface PendingBody extends ChurnMember {
  request: IncomingMessage;
  /** Monotonic time by which it must be whole. */
  deadline: number;
  /** Why it was not, and the request fails for that. */
  late: { code: ErrorCode; why: string } | null;
}

/** Reads the bodies of requests as their routes declare it, within bounds of size, of time, and of memory for all of them together. */
export class RequestBodies {
  readonly #limits: RequestBodyLimits;
  readonly #clock: Clock;
  readonly #budget: BodyBudget;
  readonly #pending = new ChurnSet<PendingBody>();

  constructor(limits: RequestBodyLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#budget = limits.bodyBudget ?? new BodyBudget(bodyMemoryBytes(limits.maxInferenceBytes));
  }

  /** What is held of the body is counted in `exchange` until it is released. */
  async read(request: IncomingMessage, body: BodySpec, exchange: { bodyBytes: number }): Promise<unknown> {
    if (body.kind === "stream") return request;
    const maxBytes = body.maxBytes === "inference" ? this.#limits.maxInferenceBytes : (body.maxBytes ?? 1 << 20);
    const pending: PendingBody = { request, deadline: this.#clock.monotonic() + this.#limits.bodyTimeoutMs, late: null, place: -1 };
    this.#pending.add(pending);
    try {
      const onBytes = (count: number): void => {
        this.#budget.take(count);
        exchange.bodyBytes += count;
      };
      const alignedAt = body.kind === "buffer" && body.alignedBehind !== undefined ? Number(request.headers[body.alignedBehind] ?? 0) : 0;
      const bytes = await readBody(request, { maxBytes, maxExpansion: 100, onBytes, alignedAt });
      if (body.kind === "buffer") return bytes;
      const problems: Problem[] = [];
      const sent = body.optional === true && bytes.length === 0 ? {} : parseJson(bytes, request.headers["content-type"]);
      const value = validate(body.schema, sent, "", problems);
      if (problems.length > 0) throw refusal(body.numbersAsSent === true && bytes.length > 0 ? saidAsSent(problems, body.schema, bytes) : problems);
      return value;
    } catch (error) {
      if (pending.late !== null) throw new AppError(pending.late.code, pending.late.why, { cause: error });
      throw error;
    } finally {
      this.#pending.delete(pending);
    }
  }

  /** Called each second: fails what took too long. */
  sweep(): void {
    const now = this.#clock.monotonic();
    for (const pending of this.#pending.values()) if (now >= pending.deadline) fail(pending, "BODY_TIMEOUT", "The body did not arrive in time.");
  }

  /** Its place is needed for another connection. False where no body of the request is read here. */
  giveWay(request: IncomingMessage, why: GivesWay): boolean {
    const pending = this.#pending.values().find((one) => one.request === request);
    if (pending === undefined) return false;
    if (why === "slow") fail(pending, "BODY_TIMEOUT", "The body came so slowly that its connection gave way to another: all were taken.");
    else fail(pending, "CONNECTIONS_TAKEN", "The connection gave way to another caller's: all were taken, and most of them by this one's key, user or address.");
    return true;
  }

  /** The request was answered. */
  release(exchange: { bodyBytes: number }): void {
    this.#budget.giveBack(exchange.bodyBytes);
  }
}

function fail(pending: PendingBody, code: ErrorCode, why: string): void {
  pending.late = { code, why };
  pending.request.emit("error", new Error("body timeout"));
}

function refusal(problems: readonly Problem[]): AppError {
  return new AppError("INVALID_REQUEST", describeProblems(problems), { problems });
}

/** The same problems in the words that they have for the numbers as they were sent. */
function saidAsSent(problems: readonly Problem[], schema: z.ZodType, bytes: Buffer): Problem[] {
  const again: Problem[] = [];
  validate(schema, parseNumbersAsSent(bytes), "", again);
  return problems.map((problem) => again.find(({ path }) => path === problem.path) ?? problem);
}
