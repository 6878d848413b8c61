import { useEffect, useRef, type ReactNode } from "react";
import { untoldProblems } from "../../../src/core/untold-problems.ts";
import type { ApiFailure } from "../data/api.ts";
import { Icon } from "./icon.tsx";

/** A failure with all that the server said: code, message, what to do, and every problem by its place that the message does not tell. */
export function ErrorBox({ error, retry, children }: { error: ApiFailure; retry?: (() => void) | undefined; children?: ReactNode }) {
  const problems = untoldProblems(error);
  const element = useRef<HTMLDivElement>(null);
  // A dialog may be longer than the window: what was asked for in it has its answer in view.
  useEffect(() => {
    if (element.current?.closest("dialog")) element.current.scrollIntoView({ block: "nearest" });
  }, [error]);
  return (
    <div ref={element} className="error-box" role="alert">
      <Icon name="warning" />
      <div>
        <p>
          <strong>{withCode(error.message)}</strong> <code className="error-code">{error.code}</code>
        </p>
        {problems.length > 0 && (
          <ul>
            {problems.map((problem, index) => (
              <li key={index}>
                {problem.path !== "" && <code>{problem.path}</code>} {problem.message}
              </li>
            ))}
          </ul>
        )}
        {error.hint !== "" && <p className="error-hint">{withCode(error.hint)}</p>}
        {error.requestId !== undefined && <p className="error-request">Request {error.requestId}</p>}
        {children}
        {retry !== undefined && (
          <button type="button" className="button" onClick={retry}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}

/** Text in which `backticks` mark code. */
export function withCode(text: string): ReactNode {
  return text.split("`").map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}

/** What is shown is from before, or does without what `children` say: the refresh failed. */
export function StaleNote({ error, retry, children = "These figures are not fresh" }: { error: ApiFailure; retry: () => void; children?: ReactNode }) {
  return (
    <p className="stale" role="status">
      <Icon name="warning" /> {children}: {error.message}{" "}
      <button type="button" className="link-button" onClick={retry}>
        Try again
      </button>
    </p>
  );
}
