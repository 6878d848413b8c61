import { setMaxListeners } from "node:events";
import type { ServerDuplexStream, ServerUnaryCall } from "@grpc/grpc-js";
import type { Caller } from "../core/caller.ts";
import type { GrpcCall } from "../core/grpc-service.ts";
import type { CallMemory } from "./message-memory.ts";

/** What the answer to one message takes until it is taken. */
export class PendingAnswer {
  readonly #memory: CallMemory;
  #tellers: (() => void)[] | null = null;

  constructor(memory: CallMemory) {
    this.#memory = memory;
  }

  /** `told` is called when the answer is taken, or nobody takes it any more. */
  whenTaken(told: () => void): void {
    (this.#tellers ??= []).push(this.#memory.onTaken(told));
  }

  taken(): void {
    for (const tell of this.#tellers ?? []) tell();
  }
}

export type AnyCall = ServerUnaryCall<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** One call as the handler sees it; what costs time is made when it is asked for. */
export class ReceivedCall implements GrpcCall<unknown> {
  readonly request: unknown;
  readonly caller: Caller;
  readonly now;
  readonly #call: AnyCall;
  readonly #answer: PendingAnswer;

  constructor(request: unknown, caller: Caller, now: GrpcCall<unknown>["now"], { call, answer }: { call: AnyCall; answer: PendingAnswer }) {
    this.request = request;
    this.caller = caller;
    this.now = now;
    this.#call = call;
    this.#answer = answer;
  }

  get deadlineMs(): number | undefined {
    const deadline = Number(this.#call.getDeadline());
    return Number.isFinite(deadline) ? Math.max(0, deadline - this.now) : undefined;
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    const headers: Record<string, string | undefined> = {};
    for (const [name, value] of Object.entries(this.#call.metadata.getMap())) if (typeof value === "string") headers[name] = value;
    return headers;
  }

  get traceparent(): string | undefined {
    const [value] = this.#call.metadata.get("traceparent");
    return typeof value === "string" ? value : undefined;
  }

  get whenAnswered() {
    return (told: () => void): void => this.#answer.whenTaken(told);
  }

  get signal(): AbortSignal {
    return signalOf(this.#call);
  }
}

const signals = new WeakMap<AnyCall, AbortSignal>();

/** One for a call and all messages of its stream. */
function signalOf(call: AnyCall): AbortSignal {
  let signal = signals.get(call);
  if (signal === undefined) {
    const controller = new AbortController();
    signal = controller.signal;
    setMaxListeners(0, signal);
    signals.set(call, signal);
    if (call.cancelled) controller.abort();
    else call.once("cancelled", () => controller.abort());
  }
  return signal;
}
