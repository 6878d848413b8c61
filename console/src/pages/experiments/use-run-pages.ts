import { useCallback, useEffect, useRef, useState } from "react";
import { ApiFailure } from "../../data/api.ts";
import { readRunTable } from "../../data/tracking.ts";
import { RunPages } from "./run-pages.ts";
import { columnInGrammar, orderOf } from "./view-state.ts";

/** How often the rows in view are asked for again. */
const refreshMs = 4000;

export interface RunSearch {
  experiment: string;
  filter: string;
  order: string;
  view: "active" | "deleted";
}

export interface ShownRuns {
  /** Of the last search that was answered; null before the first. */
  pages: RunPages | null;
  generation: number;
  /** What the server has against the search that is asked for. */
  error: ApiFailure | null;
  /** A search is under way whose rows are not shown yet. */
  busy: boolean;
  reload(): void;
}

/**
 * The runs of a search. Rows that are shown stay until those of the next search come, also when it fails. Rows in view are asked for again while the page
 * is visible; when runs came or went, the whole search is.
 */
export function useRunPages({ experiment, filter, order, view }: RunSearch, columns: readonly string[], inView: { current: { from: number; to: number; columns: readonly string[] } }): ShownRuns {
  const [shown, setShown] = useState<RunPages | null>(null);
  const [error, setError] = useState<ApiFailure | null>(null);
  const [busy, setBusy] = useState(true);
  const [, render] = useState(0);
  const [attempt, setAttempt] = useState(0);
  const latest = useRef({ columns, shown });
  latest.current = { columns, shown };

  useEffect(() => {
    const sorted = orderOf(order);
    const column = sorted === null ? null : columnInGrammar(sorted.column);
    const orders = column === null ? [] : [`${column} ${sorted!.descending ? "DESC" : "ASC"}`];
    setBusy(true);
    const next: RunPages = new RunPages(
      (wanted, after, limit) => readRunTable({ experiments: [experiment], filter, order: orders, view, columns: wanted, limit, after }),
      () => {
        if (next.error !== null) {
          const { error: thrown } = next;
          setError(thrown instanceof ApiFailure ? thrown : new ApiFailure(0, { code: "CONSOLE_FAILED", message: String(thrown) }));
          setBusy(false);
          next.error = null;
        } else if (latest.current.shown === next || next.complete || latest.current.shown === null) {
          setShown(next);
          setError(null);
          setBusy(false);
        }
        render((count) => count + 1);
        if (next.stale) setAttempt((count) => count + 1);
      },
    );
    void next.start(latest.current.columns.slice(0, 40));
    const timer = setInterval(() => {
      const { from, to, columns: seen } = inView.current;
      if (document.visibilityState === "visible" && latest.current.shown === next) next.refresh(seen, from, to);
    }, refreshMs);
    return () => {
      clearInterval(timer);
      next.close();
    };
  }, [experiment, filter, order, view, attempt, inView]);

  // Another experiment's runs are never shown as this one's.
  useEffect(() => () => setShown(null), [experiment, view]);

  const reload = useCallback(() => setAttempt((count) => count + 1), []);
  return { pages: shown, generation: shown?.generation ?? 0, error, busy, reload };
}
