import type { IncomingMessage, ServerResponse } from "node:http";
import { CallStop } from "../core/call-stop.ts";
import type { Caller } from "../core/caller.ts";
import type { AppError } from "../core/errors.ts";
import type { AuditFacts, Route, RouteRequest } from "../core/route.ts";
import type { StopSignal } from "../core/stop-signal.ts";

/** What is known of a request so far, for its audit entry. */
export interface Exchange {
  route: Route | undefined;
  params: Readonly<Record<string, string | undefined>>;
  caller: Caller;
  /** Asks for it anew. */
  callerNow: () => Promise<Caller>;
  address: string;
  facts: AuditFacts | undefined;
  /** Held of the body until the answer. */
  bodyBytes: number;
  /** Why the answer was cut off from here, where it was. */
  cutBy: AppError | undefined;
  /** Whether its caller takes the answer is looked at. */
  watched: boolean;
}

/** One request as the handler sees it; what costs time is made when it is asked for. */
export class ServedRequest implements RouteRequest<unknown, unknown, unknown> {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly caller: Caller;
  readonly now;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #idOf: () => string;
  readonly #exchange: Exchange;
  #signal: CallStop | undefined;

  constructor(
    params: unknown, query: unknown, body: unknown,
    request: IncomingMessage, response: ServerResponse, idOf: () => string, now: RouteRequest<unknown, unknown, unknown>["now"], exchange: Exchange,
  ) {
    this.params = params;
    this.query = query;
    this.body = body;
    this.now = now;
    this.caller = exchange.caller;
    this.#exchange = exchange;
    this.#request = request;
    this.#response = response;
    this.#idOf = idOf;
  }

  get auditAs() {
    return (facts: AuditFacts): void => void (this.#exchange.facts = facts);
  }

  get callerNow() {
    return this.#exchange.callerNow;
  }

  get address() {
    return this.#exchange.address;
  }

  get headers() {
    return this.#request.headers;
  }

  get requestId() {
    return this.#idOf();
  }

  get whenAnswered() {
    return (told: () => void): void => {
      if (this.#response.destroyed) told();
      else this.#response.once("close", told);
    };
  }

  get signal(): StopSignal {
    if (this.#signal === undefined) {
      const stop = (this.#signal = new CallStop());
      const response = this.#response;
      if (response.destroyed) stop.abort(callerLeft());
      else response.once("close", () => { if (!response.writableFinished) stop.abort(this.#exchange.cutBy ?? callerLeft()); });
    }
    return this.#signal;
  }

  get abortSignal(): AbortSignal {
    const controller = new AbortController();
    const { signal } = this;
    const left = (): void => controller.abort(signal.reason);
    if (signal.aborted) left();
    else signal.addEventListener("abort", left);
    return controller.signal;
  }
}

/** As a controller of Node says it. */
function callerLeft(): DOMException {
  return new DOMException("The caller closed the connection.", "AbortError");
}
