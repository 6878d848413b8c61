import { statusMark, statusWord } from "./cell-text.ts";

/** Where a run stands: a mark whose form differs too, and the word. */
export function StatusMark({ status, short = false }: { status: string; short?: boolean }) {
  const { dot, tone } = statusMark(status);
  return (
    <span className={`state state-${tone}`} title={statusWord(status)}>
      <span className={`state-dot state-dot-${dot}`} aria-hidden="true" />
      <span className={short ? "visually-hidden" : undefined}>{statusWord(status)}</span>
    </span>
  );
}
