import { ApiFailure } from "./api.ts";

/** What is known of one resource. `data` outlives a failed refresh: stale figures with an error beat an empty page. */
export interface Snapshot {
  data: unknown;
  error: ApiFailure | undefined;
  /** When `data` arrived; 0 before. */
  fetchedAt: number;
  pending: boolean;
}

type Load = (signal: AbortSignal) => Promise<unknown>;

interface Entry {
  load: Load;
  snapshot: Snapshot;
  listeners: Set<() => void>;
  /** It changed while it was being fetched: what arrives may be from before. */
  outdated: boolean;
  /** Ends the call that is under way, whose answer nobody waits for then. */
  underWay: AbortController | null;
}

export const nothing: Snapshot = { data: undefined, error: undefined, fetchedAt: 0, pending: false };

/** At most so many calls at once, so that a long list of models does not starve what the reader clicks. */
const maxConcurrent = 5;
/** So many resources that nobody looks at are kept, to be shown at once when the reader comes back. */
const maxUnused = 60;
/** What is younger is not fetched again when another component asks for it. */
const freshMs = 1000;

/** Resources by key, each fetched once for all who show it. `now` answers milliseconds since 1970. */
export class ResourceCache {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  snapshot(key: string): Snapshot {
    return this.#entries.get(key)?.snapshot ?? nothing;
  }

  /** Calls `listener` at every change and fetches what is not fresh. Answers with what ends it. */
  subscribe(key: string, load: Load, listener: () => void): () => void {
    const entry: Entry = this.#entries.get(key) ?? { load, snapshot: nothing, listeners: new Set(), outdated: false, underWay: null };
    this.#entries.set(key, entry);
    entry.load = load;
    entry.listeners.add(listener);
    if (this.#now() - entry.snapshot.fetchedAt > freshMs) this.#fetch(entry);
    return () => {
      entry.listeners.delete(listener);
      this.#forgetUnused();
    };
  }

  /** Fetches again, unless that is under way. */
  refresh(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#fetch(entry);
  }

  /** Somebody asks for it anew and waits: a call that is under way, and may be stuck, is given up for a new one. */
  restart(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.underWay?.abort();
    publish(entry, { error: undefined, pending: false });
    this.#fetch(entry);
  }

  /** What matches has changed: what is shown is fetched again, also when an answer from before is still on its way; the rest is forgotten. */
  invalidate(matches: (key: string) => boolean): void {
    for (const [key, entry] of this.#entries) {
      if (!matches(key)) continue;
      if (entry.listeners.size === 0) this.#entries.delete(key);
      else if (entry.snapshot.pending) entry.outdated = true;
      else this.#fetch(entry);
    }
  }

  /** What matches was another reader's: it goes at once, and what is shown is fetched anew. */
  forget(matches: (key: string) => boolean): void {
    for (const [key, entry] of this.#entries) if (matches(key)) publish(entry, { data: undefined, error: undefined, fetchedAt: 0 });
    this.invalidate(matches);
  }

  /** Puts a known answer in place, such as the one of a change that was just made. */
  remember(key: string, data: unknown): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) publish(entry, { data, error: undefined, fetchedAt: this.#now() });
  }

  #fetch(entry: Entry): void {
    if (entry.snapshot.pending) return;
    entry.outdated = false;
    const turn = (entry.underWay = new AbortController());
    const unlessGivenUp = (change: Partial<Snapshot>): void => {
      if (!turn.signal.aborted) publish(entry, { ...change, pending: false });
    };
    publish(entry, { pending: true });
    void this.#withSlot(() => (turn.signal.aborted ? Promise.resolve() : entry.load(turn.signal)))
      .then(
        (data) => unlessGivenUp({ data, error: undefined, fetchedAt: this.#now() }),
        (thrown: unknown) => {
          const error = thrown instanceof ApiFailure ? thrown : new ApiFailure(0, { code: "CONSOLE_FAILED", message: String(thrown) });
          // An answer that says "there is no such thing" replaces what was there; a silence does not.
          unlessGivenUp({ error, ...(error.status === 404 ? { data: undefined } : {}) });
        },
      )
      .then(() => {
        if (entry.outdated) this.#fetch(entry);
      });
  }

  async #withSlot<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= maxConcurrent) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  #forgetUnused(): void {
    const unused = [...this.#entries].filter(([, entry]) => entry.listeners.size === 0 && !entry.snapshot.pending);
    for (const [key] of unused.slice(0, Math.max(0, unused.length - maxUnused))) this.#entries.delete(key);
  }
}

function publish(entry: Entry, change: Partial<Snapshot>): void {
  entry.snapshot = { ...entry.snapshot, ...change };
  for (const listener of entry.listeners) listener();
}
