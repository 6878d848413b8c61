import { useCallback, useState } from "react";
import { ApiFailure } from "./api.ts";

export interface Action {
  busy: boolean;
  error: ApiFailure | null;
  /** Does the work, one at a time; `then` gets what it answered. */
  run<Result>(work: () => Promise<Result>, then?: (result: Result) => void): void;
  clear(): void;
}

/** Something that the reader asked the server to do: whether it is under way, and what the server had against it. */
export function useAction(): Action {
  const [state, setState] = useState<{ busy: boolean; error: ApiFailure | null }>({ busy: false, error: null });
  const run = useCallback(<Result,>(work: () => Promise<Result>, then?: (result: Result) => void): void => {
    setState({ busy: true, error: null });
    work().then(
      (result) => {
        setState({ busy: false, error: null });
        then?.(result);
      },
      (thrown: unknown) => setState({ busy: false, error: thrown instanceof ApiFailure ? thrown : new ApiFailure(0, { code: "CONSOLE_FAILED", message: String(thrown) }) }),
    );
  }, []);
  const clear = useCallback(() => setState({ busy: false, error: null }), []);
  return { ...state, run, clear };
}

