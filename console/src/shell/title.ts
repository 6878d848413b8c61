import { useEffect, useSyncExternalStore } from "react";

let current = "";
const listeners = new Set<() => void>();

/** Names the page, in the browser's tab and to screen readers when it changes. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Slipway`;
    current = title;
    for (const listener of listeners) listener();
  }, [title]);
}

export function useTitle(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
