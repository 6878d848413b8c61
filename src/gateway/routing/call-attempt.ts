import { CallStop } from "../../core/call-stop.ts";
import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { isContent, type ChatEvent } from "../conversation/chat-event.ts";
import { providerRequestId } from "../providers/provider-headers.ts";
import type { ChatStreamReader } from "../providers/provider-mapping.ts";
import { withDatedWait } from "../providers/retry-after.ts";
import { mostAnswerBytes, uncountedBytes, type AnswerHold, type AnswerMemory, type ArrivingAnswer } from "../../core/answer-memory.ts";
import type { AttemptRecord, PreparedCall, ReadyProvider, StreamPiece } from "./call-plan.ts";
import { CallTimer, overReason, type Alarm } from "./call-timer.ts";
import { hideSecret } from "./hide-secret.ts";
import { wasClosedBefore } from "./kept-connection.ts";
import { joined, readRefusal } from "./read-refusal.ts";
import { providerUrl } from "./provider-url.ts";
import type { StreamRoom, StreamSource } from "./stream-pieces.ts";
import type { TransportAnswer, UpstreamTransport } from "./upstream-transport.ts";

export interface AttemptParts {
  transport: UpstreamTransport;
  /** Without it the answers under way have no bound together. */
  answers?: AnswerMemory;
  clock: Clock;
  alarm: Alarm;
}

/** Monotonic milliseconds, but for `firstByteMs`, which is a time span and never ends after one of the others. */
export interface AttemptLimits {
  /** Until the first piece of a whole answer, or the first content of a streamed one. */
  firstByteMs: number;
  /** The same from the moment in which the request went out again: a time span too. */
  resentMs: number;
  /** A whole answer must be there. */
  wholeBy: number;
  /** A streamed one must be at its end. */
  deadline: number;
  /** Where what it takes of memory counts from its end on. */
  hold?: AnswerHold | undefined;
}

export interface AttemptFailure {
  outcome: Exclude<AttemptRecord["outcome"], "ok">;
  status: number | null;
  message: string;
  retryAfterMs: number | null;
  /** The provider's id of it, where its answer had one. */
  requestId?: string | null;
  /** What was thrown, where it was not the provider that said no. */
  thrown: unknown;
  /** Monotonic: when its request met a closed connection and went out again; null where it did not. */
  resentAt?: number | null;
  /** It was ended before its time, for that. */
  cutShort?: boolean;
}

export type Begun<Answer> = { headers: Readonly<Record<string, string>>; status: number; requestId: string | null; firstByteAt: number } & (
  | { streamed: false; answer: Answer; body: Uint8Array }
  | { streamed: true; source: Omit<StreamSource, "failureOf" | "ended"> }
);

/** For the body of an answer without 2xx. */
const mostRefusalMs = 1000;
/** Of a stream, before anything of the answer has come: heads, pings, first figures of usage. */
const mostBytesBeforeContent = 16 << 20;

/** One request to one provider, from its first byte to what decides whether it has begun well. It never throws. */
export class CallAttempt<Answer> implements StreamRoom {
  readonly #parts: AttemptParts;
  readonly #provider: ReadyProvider;
  readonly #prepared: PreparedCall<Answer>;
  readonly #limits: AttemptLimits;
  readonly #stop = new CallStop();
  readonly #timer: CallTimer;
  #late = false;
  /** Monotonic: when the alarm means that it is late. It is only ever moved on, and the alarm not set anew for it, which would cost more. */
  #limit = 0;
  #resentAt: number | null = null;
  /** Monotonic: the limit where it was brought forward because the request went out again. */
  #shortened: number | null = null;
  #status: number | null = null;
  #requestId: string | null = null;
  /** With which it was asked; undefined where none was read. What comes back is cleared of this one, whatever the provider has by then. */
  secret: string | null | undefined;
  /** How often its request went out again. */
  resends = 0;
  /** Monotonic: when its request went out whole, the last time; null where it did not. */
  #sentAt: number | null = null;
  /** Of an answer that is large. */
  #arriving: ArrivingAnswer | null = null;

  constructor(parts: AttemptParts, provider: ReadyProvider, prepared: PreparedCall<Answer>, limits: AttemptLimits) {
    this.#parts = parts;
    this.#provider = provider;
    this.#prepared = prepared;
    this.#limits = limits;
    this.#timer = new CallTimer(parts.alarm);
  }

  /** Whether its request went out whole. */
  get isSent(): boolean {
    return this.#sentAt !== null;
  }

  /** Of a stream that has begun, its alarm and connection stay until `stop`. */
  async begin(): Promise<Begun<Answer> | AttemptFailure> {
    let request: Parameters<UpstreamTransport["send"]>[0];
    try {
      request = this.#request();
    } catch (thrown) {
      const outcome = thrown instanceof AppError && thrown.code === "PROVIDER_UNAUTHORIZED" ? "unauthorized" : "unreachable";
      return { outcome, status: null, message: messageOf(thrown, "Its request cannot be made of its settings."), retryAfterMs: null, thrown };
    }
    this.#limit = this.#parts.clock.monotonic() + this.#limits.firstByteMs;
    this.#timer.set(this.#limits.firstByteMs, this.#ring);
    try {
      const answer = await this.#parts.transport.send(request);
      this.#status = answer.status;
      const requestId = providerRequestId(answer.headers);
      this.#requestId = requestId === null ? null : this.#hide(requestId);
      if (answer.status < 200 || answer.status > 299) return await this.#refused(answer);
      return this.#prepared.stream === null ? await this.#whole(answer) : await this.#begun(answer, this.#prepared.stream);
    } catch (thrown) {
      this.#timer.clear();
      this.leaveRoom();
      // It waited for room here until its time was over, which is not the provider's fault.
      if (this.#late && thrown instanceof AppError && thrown.code === "GATEWAY_OVERLOADED") {
        this.#parts.answers?.turnedAway();
        return { outcome: "cancelled", status: this.#status, message: thrown.message, retryAfterMs: null, requestId: this.#requestId, thrown };
      }
      if (!this.#stop.aborted) this.#stop.abort(overReason);
      else if (!this.#late) return { outcome: "cancelled", status: this.#status, message: "The call was ended.", retryAfterMs: null, requestId: this.#requestId, thrown };
      return this.#late ? this.#failed("timeout", "It did not answer in time.", thrown) : this.#broken(thrown);
    }
  }

  /** Ends it wherever it is. */
  stop(): void {
    this.#timer.clear();
    this.#stop.abort(overReason);
  }

  /** What broke a stream off after it had begun. */
  streamFailure(thrown: unknown): AppError {
    if (this.#late) return new AppError("PROVIDER_TIMEOUT", "The answer was not at its end within the deadline of the call.", { cause: thrown });
    if (this.#stop.aborted) return new AppError("CALLER_GONE", "The caller ended the call.", { cause: thrown });
    const cleared = this.#cleared(thrown);
    if (cleared instanceof AppError && (cleared.code === "PROVIDER_TIMEOUT" || cleared.code === "PROVIDER_STREAM_FAILED")) return cleared;
    return new AppError("PROVIDER_STREAM_FAILED", messageOf(cleared, "The provider's stream is not in its protocol."), { cause: cleared });
  }

  readonly #ring = (): void => {
    const restMs = this.#limit - this.#parts.clock.monotonic();
    // Timers may ring a little early.
    if (restMs > 1) return this.#timer.set(restMs, this.#ring);
    this.#late = true;
    this.#stop.abort(overReason);
  };

  readonly #sent = (): void => {
    this.#sentAt = this.#parts.clock.monotonic();
  };

  readonly #mayResend = (): boolean => {
    const now = this.#parts.clock.monotonic();
    if (!wasClosedBefore(this.#sentAt, now)) return false;
    // Nobody took it.
    this.#sentAt = null;
    if (this.resends++ > 0) return true;
    this.#resentAt = now;
    const { resentMs } = this.#limits;
    if (now + resentMs < this.#limit) {
      this.#shortened = this.#limit = now + resentMs;
      this.#timer.set(resentMs, this.#ring);
    }
    return true;
  };

  #request(): Parameters<UpstreamTransport["send"]>[0] {
    const { name, settings, mapping } = this.#provider;
    const { path, headers: wanted, body } = this.#prepared.request;
    if (settings.baseUrl === undefined) throw new AppError("PROVIDER_UNAVAILABLE", "The provider has no address: set its baseUrl.");
    const url = providerUrl(settings.baseUrl, path);
    const headers: Record<string, string> = { "content-type": "application/json" };
    for (const header in settings.headers) headers[header.toLowerCase()] = settings.headers[header]!;
    Object.assign(headers, wanted);
    Object.assign(headers, mapping.authorize({ method: "POST", url, headers, body }, (this.secret = this.#provider.secret()), settings, this.#parts.clock.now()));
    return { provider: name, settings, method: "POST", url, headers, body, signal: this.#stop, mayResend: this.#mayResend, onSent: this.#sent };
  }

  async #refused({ status, headers, body }: TransportAnswer): Promise<AttemptFailure> {
    // Its status says enough: what does not come of its body must not take the time of other targets.
    this.#limit = Math.min(this.#limit, this.#parts.clock.monotonic() + mostRefusalMs);
    this.#timer.set(this.#limit - this.#parts.clock.monotonic(), this.#ring);
    const { text, broken } = await readRefusal(body);
    if (broken !== null && this.#stop.aborted && !this.#late) throw broken.by;
    this.#timer.clear();
    // The caller cannot help it, whatever a mapping makes of the status.
    if (status < 400) return this.#failed("failed", "It answered with a redirect, which is not followed.", null);
    const { kind, message, retryAfterMs } = this.#provider.mapping.failure(status, withDatedWait(headers, this.#parts.clock.now()), text);
    // Whose fault it is may stand in what did not come: another target may do better.
    if (broken !== null && kind === "invalid") throw broken.by;
    return { outcome: kind, status, message: this.#hide(message), retryAfterMs, requestId: this.#requestId, thrown: null, resentAt: this.#resentAt };
  }

  async #whole({ status, headers, body }: TransportAnswer): Promise<Begun<Answer>> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    let firstByteAt: number | null = null;
    for await (const chunk of body) {
      if (firstByteAt === null) {
        firstByteAt = this.#parts.clock.monotonic();
        this.#limit = this.#limits.wholeBy;
      }
      chunks.push(chunk);
      length += chunk.length;
      if (length > mostAnswerBytes) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer is larger than 128 MiB.");
      const room = length > uncountedBytes ? this.roomFor(length) : undefined;
      if (room !== undefined) await room;
    }
    this.#timer.clear();
    const bytes = joined(chunks);
    const answer = this.#prepared.read(bytes, headers);
    this.#arriving?.end(this.#limits.hold);
    return { streamed: false, answer, body: bytes, headers, status, requestId: this.#requestId, firstByteAt: firstByteAt ?? this.#parts.clock.monotonic() };
  }

  /** Reads until the first content: what breaks before it can be asked of another provider. */
  async #begun({ status, headers, body }: TransportAnswer, reader: ChatStreamReader): Promise<Begun<Answer>> {
    const { clock } = this.#parts;
    const reading = body[Symbol.asyncIterator]();
    const chunks: Uint8Array[] = [];
    const events: ChatEvent[] = [];
    let length = 0;
    const begun = (rest: AsyncIterator<Uint8Array> | null): Begun<Answer> => {
      const firstByteAt = clock.monotonic();
      const first: StreamPiece = { bytes: joined(chunks), events };
      this.leaveRoom();
      if (rest === null) this.#timer.clear();
      else this.#limit = this.#limits.deadline;
      return { streamed: true, headers, status, requestId: this.#requestId, firstByteAt, source: { first, body: rest, reader, alarm: this.#parts.alarm, room: this } };
    };
    for (;;) {
      const { done, value: bytes } = await reading.next();
      if (done !== true) {
        chunks.push(bytes);
        length += bytes.length;
        if (length > mostBytesBeforeContent) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider sent 16 MiB and nothing of an answer.");
        const room = length > uncountedBytes ? this.roomFor(length) : undefined;
        if (room !== undefined) await room;
      }
      const completed = done === true ? reader.end() : reader.push(bytes);
      events.push(...completed);
      if (completed.some(isContent)) return begun(done === true ? null : reading);
      if (done === true || reader.isOver === true) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's stream ended without an answer.");
    }
  }

  /** Undefined where there is room at once. While it is waited for, the provider waits too. */
  roomFor(length: number): Promise<void> | undefined {
    return (this.#arriving ??= this.#parts.answers?.begin(this.#stop) ?? null)?.grow(length);
  }

  leaveRoom(): void {
    this.#arriving?.end(undefined);
    this.#arriving = null;
  }

  #broken(cause: unknown): AttemptFailure {
    const thrown = this.#cleared(cause);
    if (!(thrown instanceof AppError)) return this.#failed("broken-answer", "Its answer is not in its protocol.", thrown);
    const { code, message } = thrown;
    if (code === "PROVIDER_TIMEOUT") return this.#failed("timeout", message, thrown);
    return this.#failed(code === "EGRESS_REFUSED" || code === "PROVIDER_UNAVAILABLE" ? "unreachable" : "broken-answer", message, thrown);
  }

  /** Also for the log, which has what was thrown. */
  #cleared(thrown: unknown): unknown {
    if (!(thrown instanceof AppError)) return thrown;
    const message = this.#hide(thrown.message);
    return message === thrown.message ? thrown : new AppError(thrown.code, message);
  }

  #hide(text: string): string {
    return hideSecret(text, this.secret ?? null);
  }

  #failed(outcome: AttemptFailure["outcome"], message: string, thrown: unknown): AttemptFailure {
    return { outcome, status: this.#status, message, retryAfterMs: null, requestId: this.#requestId, thrown, resentAt: this.#resentAt, cutShort: this.#late && this.#limit === this.#shortened };
  }
}

function messageOf(thrown: unknown, otherwise: string): string {
  return thrown instanceof AppError ? thrown.message : otherwise;
}

