import { formatNumber, formatPsi } from "../../format.ts";

/** One PSI against its thresholds; `scale` is the PSI at the right end. A figure of too few rows is not `isJudged`: no colour says that it is good or bad. */
export function PsiBar({ psi, isJudged, noise, levels, scale }: { psi: number | null; isJudged: boolean; noise: number | null; levels: { warning: number; critical: number }; scale: number }) {
  const share = (value: number): string => `${Math.min(1, Math.max(0, value / scale)) * 100}%`;
  const tone = psi === null ? "none" : !isJudged ? "unknown" : psi <= (noise ?? 0) ? "none" : psi >= levels.critical ? "bad" : psi >= levels.warning ? "warning" : "none";
  const label = psi === null ? "no figure yet" : `PSI ${formatPsi(psi)}; warning from ${formatNumber(levels.warning)}, critical from ${formatNumber(levels.critical)}${noise === null ? "" : `, by chance up to ${formatPsi(noise)}`}`;
  return (
    <span className="psi-bar" role="img" aria-label={label} title={label}>
      {noise !== null && <span className="psi-noise" style={{ width: share(noise) }} />}
      {psi !== null && <span className={`psi-value psi-${tone}`} style={{ width: share(psi) }} />}
      <span className="psi-level psi-level-warning" style={{ left: share(levels.warning) }} />
      <span className="psi-level psi-level-critical" style={{ left: share(levels.critical) }} />
    </span>
  );
}
