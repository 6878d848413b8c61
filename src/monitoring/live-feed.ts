import { Readable } from "node:stream";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { EventBus, EventName } from "../core/events.ts";
import type { ServedVersion } from "../serving/index.ts";
import type { MonitoringService } from "./monitoring-service.ts";

const maxListeners = 200;
/** A listener that does not read is dropped when this much waits for it. */
const maxBufferedBytes = 1 << 20;
const followed: readonly EventName[] = ["version.registered", "version.state", "alias.changed", "policy.changed"];

/** Live figures and changes for consoles, as server-sent events. One text is made per tick, whatever the number of listeners. */
export class LiveFeed {
  readonly #listeners = new Set<Readable>();
  readonly #monitoring: MonitoringService;
  readonly #served: () => readonly ServedVersion[];

  constructor(monitoring: MonitoringService, served: () => readonly ServedVersion[], events: EventBus) {
    this.#monitoring = monitoring;
    this.#served = served;
    for (const kind of followed) events.on(kind, (payload) => this.#send("change", { kind, ...payload }));
  }

  open(signal: AbortSignal): Readable {
    if (this.#listeners.size >= maxListeners) throw new AppError("QUEUE_FULL", "Too many consoles follow live figures.", { retryAfterSeconds: 5 });
    const stream = new Readable({ read() {} });
    stream.push("retry: 2000\n\n");
    this.#listeners.add(stream);
    const leave = (): void => {
      this.#listeners.delete(stream);
      stream.destroy();
    };
    signal.addEventListener("abort", leave, { once: true });
    stream.once("close", () => this.#listeners.delete(stream));
    return stream;
  }

  tick(now: EpochMs): void {
    if (this.#listeners.size === 0) return;
    const models = this.#served().flatMap(({ model, version, active, queueRows }) => {
      const figures = this.#monitoring.live(model, version);
      return active || figures !== null ? [{ model, version, active, queueRows, ...(figures ?? { requestsPerSecond: 0, errorRate: null, cacheHitRate: null, p50Ms: null, p95Ms: null, p99Ms: null }) }] : [];
    });
    this.#send("tick", { time: now, models });
  }

  /** Ends every stream, so that the server can go down. */
  stop(): void {
    for (const stream of this.#listeners) stream.push(null);
    this.#listeners.clear();
  }

  #send(event: string, data: unknown): void {
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const stream of this.#listeners) {
      if (stream.readableLength > maxBufferedBytes) {
        this.#listeners.delete(stream);
        stream.destroy();
      } else stream.push(text);
    }
  }
}
