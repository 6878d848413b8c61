import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { now } from "../clock.ts";
import { call, type ApiFailure } from "./api.ts";
import { nothing, ResourceCache } from "./resource-cache.ts";

/** A resource as a component sees it. */
export interface Resource<Data> {
  data: Data | undefined;
  error: ApiFailure | undefined;
  /** When `data` arrived; 0 before. */
  fetchedAt: number;
  pending: boolean;
  reload(): void;
}

const cache = new ResourceCache(now);

export function invalidate(matches: (key: string) => boolean): void {
  cache.invalidate(matches);
}

export function forgetAll(matches: (key: string) => boolean): void {
  cache.forget(matches);
}

export function remember(key: string, data: unknown): void {
  cache.remember(key, data);
}

/**
 * One resource, shared by all who name the same key. A key that starts with `/` is the path that is fetched, others need
 * `load`. Null asks for nothing. `refreshMs` fetches again while the page is visible.
 */
export function useResource<Data>(key: string | null, options: { load?: () => Promise<Data>; refreshMs?: number } = {}): Resource<Data> {
  const load = useRef(options.load);
  load.current = options.load;

  const subscribe = useCallback(
    (listener: () => void) => (key === null ? () => undefined : cache.subscribe(key, (signal) => (load.current === undefined ? call(key, { signal }) : load.current()), listener)),
    [key],
  );
  const snapshot = useSyncExternalStore(subscribe, () => (key === null ? nothing : cache.snapshot(key)));

  const { refreshMs } = options;
  useEffect(() => {
    if (key === null || refreshMs === undefined) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") cache.refresh(key);
    }, refreshMs);
    return () => clearInterval(timer);
  }, [key, refreshMs]);

  const reload = useCallback(() => {
    if (key !== null) cache.restart(key);
  }, [key]);

  return { ...(snapshot as Omit<Resource<Data>, "reload">), reload };
}
