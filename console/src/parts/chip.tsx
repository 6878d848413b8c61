import type { ReactNode } from "react";
import type { DriftLevel, VersionState } from "../data/types.ts";

export type Tone = "good" | "warning" | "bad" | "neutral" | "accent";

/** A word with a tone. The word says it; the colour only helps to find it. */
export function Chip({ tone = "neutral", title, children }: { tone?: Tone; title?: string | undefined; children: ReactNode }) {
  return (
    <span className={`chip chip-${tone}`} title={title}>
      {children}
    </span>
  );
}

const stateTones: Record<VersionState, Tone> = { ready: "good", loading: "accent", away: "bad", failed: "bad", draining: "neutral", unloaded: "neutral" };

/** State of a served version: a mark whose form differs too, and the word. */
export function StateMark({ state, reason }: { state: VersionState | null; reason?: string | null | undefined }) {
  const word = state ?? "not loaded";
  return (
    <span className={`state state-${stateTones[state ?? "unloaded"]}`} title={reason ?? undefined}>
      <span className={`state-dot state-dot-${state ?? "unloaded"}`} aria-hidden="true" />
      {word}
    </span>
  );
}

const driftTones: Record<DriftLevel, Tone> = { none: "good", moderate: "warning", major: "bad", unknown: "neutral" };
const driftWords: Record<DriftLevel, string> = { none: "no drift", moderate: "moderate drift", major: "major drift", unknown: "drift unknown" };

export function DriftChip({ level, reason, short = false }: { level: DriftLevel; reason?: string | null | undefined; short?: boolean }) {
  return (
    <Chip tone={driftTones[level]} title={reason ?? undefined}>
      {short ? level : driftWords[level]}
    </Chip>
  );
}

/** `ok` and `cached` are good, anything else is the code of an error. */
export function OutcomeChip({ outcome }: { outcome: string }) {
  return <Chip tone={outcome === "ok" ? "good" : outcome === "cached" ? "accent" : "bad"}>{outcome}</Chip>;
}
