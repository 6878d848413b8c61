import { toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Alarm } from "./alarm.ts";
import type { Outbox } from "./outbox.ts";
import { Refresher } from "./refresher.ts";
import type { RecordedEvent } from "./schemas.ts";
import { WakingLoop } from "./waking-loop.ts";

export interface OutboxFollowerParts {
  outbox: Outbox;
  alarm: Alarm;
  logger: Logger;
  /** How long an event of another replica may go unseen; 500 ms by default. */
  pollMs?: number;
}

/** Events of one read. */
const pageSize = 500;

/**
 * Shows a process every event that any replica committed after the start: each once, in the order of commits. It keeps
 * nothing between runs, so it is for what lives in memory and is read anew at the start: caches. Own events come too.
 */
export class OutboxFollower {
  readonly #parts: OutboxFollowerParts;
  readonly #loop: WakingLoop;
  readonly #listeners = new Set<(event: RecordedEvent) => void>();
  readonly #kept = new Map<string, () => Promise<void>>();
  readonly #refresher: Refresher;
  #cursor = 0;

  constructor(parts: OutboxFollowerParts) {
    this.#parts = parts;
    this.#refresher = new Refresher({ refresh: (name) => this.#kept.get(name)!(), alarm: parts.alarm, logger: parts.logger });
    this.#loop = new WakingLoop({
      turn: () => this.#read(),
      alarm: parts.alarm,
      onTrouble: (error) => {
        if (error === null) parts.logger.info("outbox.readable");
        else parts.logger.warn("outbox.unreadable", { code: toAppError(error).code, cause: error });
      },
    });
  }

  /** Listeners run one after the other and must return at once: what takes long is theirs to queue. Answers with its end. */
  follow(listener: (event: RecordedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Reads anew at the start, for what changed since the first reading is told by no event, and with each event that concerns it. What fails is tried again: no later event may come. The name is the log's.
   */
  keepFresh(name: string, concerns: (type: string) => boolean, read: () => Promise<void>): void {
    this.#kept.set(name, read);
    this.follow(({ type }) => {
      if (concerns(type)) this.#refresher.request(name);
    });
  }

  /** Whatever commits after this has answered is shown, and what is kept fresh is as it was then or later. Read everything else that is to be kept fresh after it. Rejects when the database fails. */
  async start(): Promise<void> {
    this.#cursor = await this.#parts.outbox.latest();
    await Promise.all([...this.#kept.values()].map((read) => read()));
    this.#loop.start();
  }

  /** Reads now: after a commit of this process that wrote events. */
  wake(): void {
    this.#loop.wake();
  }

  stop(): Promise<void> {
    this.#refresher.stop();
    return this.#loop.stop();
  }

  async #read(): Promise<number> {
    const events = await this.#parts.outbox.readAfter(this.#cursor, pageSize);
    for (const event of events) {
      this.#cursor = event.sequence;
      for (const listener of this.#listeners) this.#show(event, listener);
    }
    return events.length === pageSize ? 0 : (this.#parts.pollMs ?? 500);
  }

  /** One listener that fails must not keep the event from the others, nor be shown it for ever. */
  #show(event: RecordedEvent, listener: (event: RecordedEvent) => void): void {
    try {
      listener(event);
    } catch (cause) {
      this.#parts.logger.error("event.listener_failed", { eventId: event.id, type: event.type, cause });
    }
  }
}
