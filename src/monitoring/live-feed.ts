import { Readable } from "node:stream";
import { mayOnServer, type Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import type { EventBus, EventName } from "../core/events.ts";
import { StreamPlaces } from "../core/stream-places.ts";
import type { StopSignal } from "../core/stop-signal.ts";
import type { ServedVersion } from "../serving/index.ts";
import type { MonitoringService } from "./monitoring-service.ts";

/** A listener that does not read is dropped when this much waits for it. */
const maxBufferedBytes = 1 << 20;
const followed: readonly EventName[] = ["version.registered", "version.state", "alias.changed", "policy.changed", "rollout.changed"];

export interface LiveFeedParts {
  monitoring: MonitoringService;
  served: () => readonly ServedVersion[];
  /** Whether the caller may see the model. */
  sees: (caller: Caller, model: string) => boolean;
  events: EventBus;
}

/**
 * Live figures and changes for consoles, as server-sent events, of the models that each may see. One text is made per tick
 * for all that see everything, whatever their number.
 */
export class LiveFeed {
  readonly #listeners = new Map<Readable, Caller>();
  readonly #places = new StreamPlaces();
  readonly #parts: LiveFeedParts;

  constructor(parts: LiveFeedParts) {
    this.#parts = parts;
    for (const kind of followed) parts.events.on(kind, (payload) => this.#send("change", (sees) => (sees(payload.model) ? { kind, ...payload } : null)));
  }

  /** Throws QUEUE_FULL, TOO_MANY_ATTEMPTS. */
  open(signal: StopSignal, caller: Caller): Readable {
    const release = this.#places.take(caller);
    const stream = new Readable({ read() {} });
    stream.push("retry: 2000\n\n");
    this.#listeners.set(stream, caller);
    const leave = (): void => {
      this.#listeners.delete(stream);
      stream.destroy();
    };
    signal.addEventListener("abort", leave, { once: true });
    stream.once("close", () => {
      this.#listeners.delete(stream);
      release();
    });
    return stream;
  }

  tick(now: EpochMs): void {
    if (this.#listeners.size === 0) return;
    const models = this.#parts.served().flatMap(({ model, version, active, queueRows }) => {
      const figures = this.#parts.monitoring.live(model, version);
      return active || figures !== null ? [{ model, version, active, queueRows, ...(figures ?? { requestsPerSecond: 0, errorRate: null, cacheHitRate: null, p50Ms: null, p95Ms: null, p99Ms: null }) }] : [];
    });
    this.#send("tick", (sees) => ({ time: now, models: models.filter(({ model }) => sees(model)) }));
  }

  /** Ends every stream, so that the server can go down. */
  stop(): void {
    for (const stream of this.#listeners.keys()) stream.push(null);
    this.#listeners.clear();
  }

  /** `dataFor` makes what a listener may know, null for nothing. */
  #send(event: string, dataFor: (sees: (model: string) => boolean) => unknown): void {
    const textFor = (sees: (model: string) => boolean): string | null => {
      const data = dataFor(sees);
      return data === null ? null : `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    };
    let shared: string | null | undefined;
    for (const [stream, caller] of this.#listeners) {
      if (stream.readableLength > maxBufferedBytes) {
        this.#listeners.delete(stream);
        stream.destroy();
        continue;
      }
      const text = mayOnServer(caller, "viewer") ? (shared ??= textFor(() => true)) : textFor((model) => this.#parts.sees(caller, model));
      if (text !== null) stream.push(text);
    }
  }
}
