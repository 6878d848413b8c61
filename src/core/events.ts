/** In-process events between modules; the durable outbox comes with the events module. */
export interface EventMap {
  "version.registered": { model: string; version: string };
  "alias.changed": { model: string; alias: string; version: string };
  /** Its name, versions or champion may be others: who holds something of it looks again. */
  "model.changed": { model: string };
  "policy.changed": { model: string; revision: number };
  /** Its state, its phase or its figures: who shows it looks again. */
  "rollout.changed": { model: string; rollout: string };
  "version.state": { model: string; version: string; state: string };
}

export type EventName = keyof EventMap;

export class EventBus {
  readonly #listeners = new Map<EventName, Set<(payload: never) => void>>();

  on<Name extends EventName>(name: Name, listener: (payload: EventMap[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as (payload: never) => void);
    return () => listeners.delete(listener as (payload: never) => void);
  }

  /** Listeners run at once, in the order of their registration; they must not throw. */
  emit<Name extends EventName>(name: Name, payload: EventMap[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) (listener as (payload: EventMap[Name]) => void)(payload);
  }
}
