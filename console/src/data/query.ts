import { useCallback, useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import { usePathname } from "wouter/use-browser-location";

type Changes = Record<string, string | null | undefined>;

/** A query string with some parameters changed; null, undefined and empty ones leave it. Begins with `?` or is empty. */
export function changeQuery(search: string, changes: Changes): string {
  const parameters = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") parameters.delete(name);
    else parameters.set(name, value);
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/**
 * Leads on from the page that asks, such as to what it has just made. Whoever has left that page meanwhile stays where they are:
 * an answer that comes late takes nobody back.
 */
export function useNavigateFromHere(): (href: string, options?: { replace?: boolean }) => void {
  const here = usePathname();
  const [, navigate] = useLocation();
  return useCallback((href: string, options?: { replace?: boolean }) => {
    if (window.location.pathname === here) navigate(href, options);
  }, [here, navigate]);
}

/**
 * The view's state lives in the address: what is filtered, selected and shown can be sent to a colleague. `set` makes a
 * new history entry, `set(changes, {replace: true})` does not (for what changes while typing); it changes the address as it is by then, and none but this page's.
 */
export function useQuery(): { get(name: string): string | null; set(changes: Changes, options?: { replace?: boolean }): void; href(changes: Changes): string } {
  const search = useSearch();
  const path = usePathname();
  const navigate = useNavigateFromHere();
  const parameters = useMemo(() => new URLSearchParams(search), [search]);
  const href = useCallback((changes: Changes) => path + changeQuery(search, changes), [path, search]);
  const set = useCallback(
    (changes: Changes, options: { replace?: boolean } = {}) => navigate(path + changeQuery(window.location.search, changes), { replace: options.replace ?? false }),
    [path, navigate],
  );
  return { get: (name) => parameters.get(name), set, href };
}
