import { setImmediate as nextTurn } from "node:timers/promises";
import { ManualClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import type { ChatEvent } from "../conversation/chat-event.ts";
import { retryAfterMs } from "../providers/retry-after.ts";
import type { ChatStreamReader, ProviderMapping, UpstreamFailure } from "../providers/provider-mapping.ts";
import { ProviderSettings, RouteSettings } from "../schemas.ts";
import { AnswerMemory } from "../../core/answer-memory.ts";
import type { CallFacts, CallOrder, PreparedCall, ReadyProvider } from "./call-plan.ts";
import { TargetCallRunner } from "./call-runner.ts";
import { ProviderHealth } from "./provider-health.ts";
import type { TransportAnswer, TransportRequest, UpstreamTransport } from "./upstream-transport.ts";

/** A clock whose sleepers wake when it is moved on. */
export class ManualTime extends ManualClock {
  readonly #sleepers = new Set<{ at: number; wake(): void }>();

  readonly alarm = (ms: number, ring: () => void): (() => void) => {
    const wake = (): void => {
      this.#sleepers.delete(sleeper);
      ring();
    };
    const sleeper = { at: this.monotonic() + ms, wake };
    this.#sleepers.add(sleeper);
    return () => void this.#sleepers.delete(sleeper);
  };

  readonly sleep = (ms: number, signal: TransportRequest["signal"]): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        resolve();
      };
      const sleeper = { at: this.monotonic() + ms, wake };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", wake, { once: true });
    });

  get sleepers(): number {
    return this.#sleepers.size;
  }

  /** Moves on from one sleeper to the next, and lets each do what it then does. */
  async pass(ms: number): Promise<void> {
    const end = this.monotonic() + ms;
    await settled();
    for (;;) {
      const [next] = [...this.#sleepers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.advance(Math.max(0, next.at - this.monotonic()));
      next.wake();
      await settled();
    }
    this.advance(end - this.monotonic());
  }

  /** Moves on until the work is done. */
  async until<Value>(work: Promise<Value>): Promise<Value> {
    let done = false;
    const watched = work.finally(() => (done = true));
    watched.catch(() => undefined);
    for (await settled(); !done; await settled()) {
      const [next] = [...this.#sleepers].sort((one, other) => one.at - other.at);
      if (next === undefined) throw new Error("Nobody sleeps, and the work is not done.");
      await this.pass(Math.max(0, next.at - this.monotonic()));
    }
    return watched;
  }
}

/** Nothing is left to do before a sleeper wakes: what is scripted needs no I/O. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await nextTurn();
}

/** What a scripted target does with one request; the last of a list stays. */
export interface Step {
  /** Milliseconds until the head. Infinity: never. */
  afterMs?: number;
  /** Milliseconds until its connection closes without an answer and the request goes out again, if it may; each of a list after the one before. */
  resentAfterMs?: number | readonly number[];
  status?: number;
  headers?: Record<string, string>;
  /** Texts of the body, one chunk each; a number is a pause in milliseconds; "cut!" breaks the connection, an error is thrown. */
  body?: readonly (string | number | AppError)[];
  /** Instead of any answer. */
  throws?: AppError;
  /** It takes no connection: nothing goes out. */
  unsent?: boolean;
}

/** Answers by provider, without a network, on the clock of a test. */
class ScriptedTransport implements UpstreamTransport {
  readonly requests: { provider: string; at: number; request: TransportRequest }[] = [];
  /** Requests that were ended from here before their end. */
  readonly ended: string[] = [];
  readonly #time: ManualTime;
  readonly #scripts: Record<string, Step[]>;

  constructor(time: ManualTime, scripts: Record<string, Step[]>) {
    this.#time = time;
    this.#scripts = scripts;
  }

  async send(request: TransportRequest): Promise<TransportAnswer> {
    const { provider, signal } = request;
    this.requests.push({ provider, at: this.#time.monotonic(), request });
    const script = this.#scripts[provider]!;
    const step = script.length > 1 ? script.shift()! : script[0]!;
    for (const ms of [step.resentAfterMs ?? []].flat()) {
      request.onSent?.();
      await this.#wait(ms, request);
      if (request.mayResend?.() === false) throw new AppError("PROVIDER_UNAVAILABLE", "The provider ended the connection without an answer.");
    }
    if (step.unsent !== true) request.onSent?.();
    await this.#wait(step.afterMs ?? 0, request);
    if (step.throws !== undefined) throw step.throws;
    const { status = 200, headers = {}, body = [] } = step;
    const wait = (ms: number): Promise<void> => this.#wait(ms, request);
    return {
      status, headers,
      body: (async function* () {
        for (const piece of body) {
          if (signal.aborted) throw new AppError("PROVIDER_UNAVAILABLE", "The call was ended.");
          if (typeof piece === "number") await wait(piece);
          else if (piece instanceof AppError) throw piece;
          else if (piece === "cut!") throw new AppError("PROVIDER_UNAVAILABLE", "The provider broke off its answer.");
          else yield Buffer.from(piece);
        }
      })(),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #wait(ms: number, { provider, signal }: TransportRequest): Promise<void> {
    if (ms > 0) await (ms === Infinity ? new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })) : this.#time.sleep(ms, signal));
    if (!signal.aborted) return;
    this.ended.push(provider);
    throw new AppError("PROVIDER_UNAVAILABLE", "The call was ended.");
  }
}

const kinds: Record<number, UpstreamFailure["kind"]> = { 302: "invalid", 400: "invalid", 401: "unauthorized", 402: "quota", 404: "not-found", 413: "context-length", 422: "content-filter", 429: "rate-limited", 529: "overloaded" };

/** A protocol of lines: `start`, `finish`, and everything else is text. */
class LineReader implements ChatStreamReader {
  #rest = "";
  #finished = false;

  push(bytes: Uint8Array): ChatEvent[] {
    const lines = (this.#rest + Buffer.from(bytes).toString()).split("\n");
    this.#rest = lines.pop()!;
    return lines.map((line): ChatEvent => {
      if (line.startsWith("!")) throw new AppError("PROVIDER_STREAM_FAILED", line.slice(1));
      if (line === "start") return { type: "start", id: "1", model: "m" };
      if (line !== "finish") return { type: "text", text: line };
      this.#finished = true;
      return { type: "finish", finish: "stop", finishWord: null, stopSequence: null };
    });
  }

  end(): ChatEvent[] {
    if (!this.#finished) throw new AppError("PROVIDER_STREAM_FAILED", "The stream ended before the model had finished.");
    return [];
  }
}

const mapping: ProviderMapping = {
  native: {}, models: null,
  authorize: (_request, secret) => ({ authorization: `Bearer ${secret}` }),
  failure: (status, headers, body) => ({ status, message: Buffer.from(body).toString() || `Status ${status}.`, code: null, kind: kinds[status] ?? "failed", retryAfterMs: retryAfterMs(headers) }),
};

export function readyProvider(name: string, more: Partial<ProviderSettings> = {}): ReadyProvider {
  const settings = { ...ProviderSettings.parse({ kind: "compatible", baseUrl: `https://${name}.example/v1/` }), ...more };
  return { name, settings, mapping, secret: () => `secret of ${name}` };
}

export const callFacts = (more: Partial<CallFacts> = {}): CallFacts => ({ inputTokens: 100, needs: new Set(), tags: {}, session: null, worstCost: () => null, ...more });

export function routeOf(targets: readonly (string | Partial<RouteSettings["targets"][number]>)[], more: Partial<RouteSettings> = {}): RouteSettings {
  const parsed = RouteSettings.parse({ targets: targets.map((target, priority) => (typeof target === "string" ? { provider: target, model: "m", priority } : { model: "m", ...target })) });
  return { ...parsed, ...more };
}

/** Answers are JSON texts. */
export function preparedCall(stream: boolean, body = "{}"): PreparedCall<string> {
  return {
    request: { path: "/chat", headers: { "x-asked": "yes" }, body, dropped: [], emulated: [] },
    read: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as string,
    stream: stream ? new LineReader() : null,
  };
}

/** A runner over scripted targets on a manual clock. `random` is always the middle. */
export function callStage(scripts: Record<string, Step[]>, providers: Record<string, Partial<ProviderSettings>> = {}, answers = new AnswerMemory(1 << 30), secretsAt?: (time: ManualTime) => Pick<ReadyProvider, "secret" | "hasNewSecret">) {
  const time = new ManualTime();
  const transport = new ScriptedTransport(time, scripts);
  const health = new ProviderHealth(time);
  const ready = new Map(Object.keys(scripts).map((name) => [name, { ...readyProvider(name, providers[name]), ...secretsAt?.(time) }]));
  const runner = new TargetCallRunner({ transport, answers, provider: (name) => ready.get(name) ?? null, health, clock: time, random: () => 0.5, alarm: time.alarm, logger: silentLogger });
  const caller = new AbortController();
  const order = (settings: RouteSettings, more: Partial<CallOrder<string>> & { stream?: boolean } = {}): CallOrder<string> => ({
    route: "r", settings, facts: callFacts(), deadline: time.monotonic() + settings.deadlineMs, signal: caller.signal, prepare: () => preparedCall(more.stream === true), ...more,
  });
  return { time, transport, health, runner, caller, order };
}
