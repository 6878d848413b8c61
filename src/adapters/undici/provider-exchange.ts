import type { Dispatcher } from "undici";
import { AppError } from "../../core/errors.ts";
import type { TransportAnswer, TransportRequest } from "../../gateway/routing/upstream-transport.ts";
import { decodedBody } from "./decoded-body.ts";
import { endedByCaller, isClosedConnection, transportFailure } from "./transport-failure.ts";

/** A connection as an exchange sees it. */
export interface KeptConnection {
  /** Answers that began on the socket that is open now. */
  answers: number;
}

/** Bytes that wait for the reader before the provider is made to wait. */
const mostWaiting = 64 << 10;
/** Kept connections that may turn out to be closed, one after the other, for one request. */
const mostResends = 3;

/**
 * One request and its answer, as undici's dispatcher tells of it: with no stream of Node in between, which would cost more than everything else here. The answer is given when its head is there, and its
 * body read as it comes; a reader who pauses pauses the provider.
 */
export class ProviderExchange implements Dispatcher.DispatchHandler, AsyncIterableIterator<Uint8Array> {
  readonly answer: Promise<TransportAnswer>;
  /** The connection that carries it, once one does. */
  connection: KeptConnection | null = null;
  readonly #request: Pick<TransportRequest, "signal" | "onSent" | "mayResend">;
  readonly #resend: () => void;
  #resends = 0;
  #begin!: (answer: TransportAnswer) => void;
  #refuse!: (error: AppError) => void;
  #controller: Dispatcher.DispatchController | null = null;
  #begun = false;
  readonly #chunks: Uint8Array[] = [];
  #waiting = 0;
  #ended = false;
  #failure: AppError | null = null;
  #reader: { resolve(result: IteratorResult<Uint8Array>): void; reject(error: AppError): void } | null = null;

  constructor(request: Pick<TransportRequest, "signal" | "onSent" | "mayResend">, resend: () => void) {
    this.#request = request;
    this.#resend = resend;
    const { signal } = request;
    this.answer = new Promise((resolve, reject) => {
      this.#begin = resolve;
      this.#refuse = reject;
    });
    if (signal.aborted) this.#abort();
    else signal.addEventListener("abort", this.#abort, { once: true });
  }

  /** Whether it is over: nobody waits for it. */
  get isOver(): boolean {
    return this.#ended || this.#failure !== null;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It waited for a free connection, and its caller has gone meanwhile.
    if (this.#failure !== null) return controller.abort(this.#failure);
    // Head and body are handed to the open connection in this very turn.
    this.#request.onSent?.();
  }

  /** A change of protocol that nobody asked for. */
  onRequestUpgrade(...[, , , socket]: Parameters<NonNullable<Dispatcher.DispatchHandler["onRequestUpgrade"]>>): void {
    socket.destroy();
    this.#fail(new AppError("PROVIDER_ANSWER_INVALID", "The provider wants to speak another protocol."));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    // Such as 100 and 103: the answer itself is still to come.
    if (status < 200) return;
    this.#begun = true;
    if (this.connection !== null) this.connection.answers++;
    const flat: Record<string, string> = {};
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined) flat[name] = typeof value === "string" ? value : value.at(-1)!;
    }
    this.#begin(flat["content-encoding"] === undefined ? { status, headers: flat, body: this } : decodedBody({ status, headers: flat, body: this }));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#reader !== null) {
      const { resolve } = this.#reader;
      this.#reader = null;
      resolve({ done: false, value: chunk });
      return;
    }
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    if (this.#waiting >= mostWaiting) controller.pause();
  }

  onResponseEnd(): void {
    this.#ended = true;
    this.#request.signal.removeEventListener("abort", this.#abort);
    this.#reader?.resolve({ done: true, value: undefined });
    this.#reader = null;
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.isOver) return;
    // Closed by the provider while it was idle, in the moment in which it was to be used again: not a failure of this request.
    if (!this.#begun && (this.connection?.answers ?? 0) > 0 && isClosedConnection(error) && this.#resends < mostResends && (this.#request.mayResend?.() ?? true)) {
      this.#resends++;
      this.#controller = null;
      this.connection = null;
      queueMicrotask(this.#resend);
      return;
    }
    this.#fail(transportFailure(error, this.#begun));
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#waiting -= chunk.length;
      if (this.#waiting < mostWaiting && this.#controller?.paused === true) this.#controller.resume();
      return Promise.resolve({ done: false, value: chunk });
    }
    // What had come before it broke off was read first.
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => (this.#reader = { resolve, reject }));
  }

  /** The reader wants no more: what is under way is ended, and its connection with it. */
  return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.isOver) this.#fail(new AppError("PROVIDER_UNAVAILABLE", "The answer was left before its end."));
    this.#chunks.length = 0;
    this.#ended = true;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #abort = (): void => {
    if (!this.isOver) this.#fail(endedByCaller(this.#request.signal));
  };

  #fail(failure: AppError): void {
    this.#failure = failure;
    this.#request.signal.removeEventListener("abort", this.#abort);
    this.#controller?.abort(failure);
    if (!this.#begun) return this.#refuse(failure);
    this.#reader?.reject(failure);
    this.#reader = null;
  }
}
