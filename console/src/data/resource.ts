import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { now } from "../clock.ts";
import { ApiFailure, call } from "./api.ts";

/** What is known of one resource. `data` outlives a failed refresh: stale figures with an error beat an empty page. */
export interface Resource<Data> {
  data: Data | undefined;
  error: ApiFailure | undefined;
  /** When `data` arrived; 0 before. */
  fetchedAt: number;
  pending: boolean;
  reload(): void;
}

interface Entry {
  key: string;
  load: () => Promise<unknown>;
  snapshot: { data: unknown; error: ApiFailure | undefined; fetchedAt: number; pending: boolean };
  listeners: Set<() => void>;
}

const entries = new Map<string, Entry>();
const empty: Entry["snapshot"] = { data: undefined, error: undefined, fetchedAt: 0, pending: false };

/** At most so many calls at once, so that a long list of models does not starve what the reader clicks. */
const maxConcurrent = 5;
let running = 0;
const waiting: (() => void)[] = [];

async function withSlot<Result>(work: () => Promise<Result>): Promise<Result> {
  if (running >= maxConcurrent) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

function publish(entry: Entry, change: Partial<Entry["snapshot"]>): void {
  entry.snapshot = { ...entry.snapshot, ...change };
  for (const listener of entry.listeners) listener();
}

function refresh(entry: Entry): void {
  if (entry.snapshot.pending) return;
  publish(entry, { pending: true });
  withSlot(() => entry.load()).then(
    (data) => publish(entry, { data, error: undefined, pending: false, fetchedAt: now() }),
    (thrown: unknown) => {
      const error = thrown instanceof ApiFailure ? thrown : new ApiFailure(0, { code: "CONSOLE_FAILED", message: String(thrown) });
      // An answer that says "there is no such thing" replaces what was there; a silence does not.
      publish(entry, { error, pending: false, ...(error.status === 404 ? { data: undefined } : {}) });
    },
  );
}

/** Fetches again what is on the page and matches; forgets what matches and is not. */
export function invalidate(matches: (key: string) => boolean): void {
  for (const [key, entry] of entries) {
    if (!matches(key)) continue;
    if (entry.listeners.size > 0) refresh(entry);
    else entries.delete(key);
  }
}

/** Puts a known answer in place, such as the one of a change that was just made. */
export function remember(key: string, data: unknown): void {
  const entry = entries.get(key);
  if (entry !== undefined) publish(entry, { data, error: undefined, fetchedAt: now() });
}

/**
 * One resource, shared by all who name the same key. A key that starts with `/` is the path that is fetched, others need
 * `load`. Null asks for nothing. `refreshMs` fetches again while the page is visible.
 */
export function useResource<Data>(key: string | null, options: { load?: () => Promise<Data>; refreshMs?: number } = {}): Resource<Data> {
  const load = useRef(options.load);
  load.current = options.load;

  const subscribe = useCallback(
    (listener: () => void) => {
      if (key === null) return () => undefined;
      const entry: Entry = entries.get(key) ?? { key, load: () => call(key), snapshot: empty, listeners: new Set() };
      entries.set(key, entry);
      const latest = load.current;
      if (latest !== undefined) entry.load = () => (load.current ?? latest)();
      entry.listeners.add(listener);
      // What another page left behind is shown at once, and fetched again when it is older than a moment.
      if (now() - entry.snapshot.fetchedAt > 1000) refresh(entry);
      return () => {
        entry.listeners.delete(listener);
      };
    },
    [key],
  );
  const snapshot = useSyncExternalStore(subscribe, () => (key === null ? empty : (entries.get(key)?.snapshot ?? empty)));

  const { refreshMs } = options;
  useEffect(() => {
    if (key === null || refreshMs === undefined) return;
    const timer = setInterval(() => {
      const entry = entries.get(key);
      if (entry !== undefined && document.visibilityState === "visible") refresh(entry);
    }, refreshMs);
    return () => clearInterval(timer);
  }, [key, refreshMs]);

  const reload = useCallback(() => {
    const entry = key === null ? undefined : entries.get(key);
    if (entry !== undefined) refresh(entry);
  }, [key]);

  return { ...(snapshot as Omit<Resource<Data>, "reload">), reload };
}
