import type { ReactNode } from "react";

/** One figure that people look for: what it is, how much, and what it means. */
export function KeyFigure({ label, value, note, tone }: { label: string; value: ReactNode; note?: ReactNode; tone?: "warning" | "bad" | undefined }) {
  return (
    <div className={tone === undefined ? "figure" : `figure figure-${tone}`}>
      <dt>{label}</dt>
      <dd>
        <span className="figure-value">{value}</span>
        {note !== undefined && <span className="figure-note">{note}</span>}
      </dd>
    </div>
  );
}

export function KeyFigures({ label, children }: { label: string; children: ReactNode }) {
  return (
    <dl className="figures" aria-label={label}>
      {children}
    </dl>
  );
}
