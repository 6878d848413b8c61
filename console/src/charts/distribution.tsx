import type { ColumnProfile } from "../data/types.ts";
import { formatShare } from "../format.ts";
import { columnShape } from "./column-shape.ts";

/** The shape of a column of the reference data. `value` is pointed out with a line. */
export function ColumnHistogram({ profile, label, width = 120, height = 28, value }: { profile: ColumnProfile; label: string; width?: number; height?: number; value?: string }) {
  const { bars, positionOf } = columnShape(profile);
  const position = value === undefined ? null : positionOf(value);
  return (
    <svg className="mini-histogram" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      {bars.map((bar, index) => {
        const size = bar.height === 0 ? 0 : Math.max(1, bar.height * (height - 2));
        return <rect key={index} x={bar.x * width} y={height - 1 - size} width={Math.max(0.75, bar.width * width - 0.5)} height={size} />;
      })}
      <path d={`M0,${height - 0.5}H${width}`} className="mini-axis" />
      {position !== null && <path d={`M${Math.min(width - 1, Math.max(1, position * width))},0V${height}`} className="mini-mark" />}
    </svg>
  );
}

/**
 * Two distributions over the same buckets, one drawn over the other: the reference as an outlined step, the live window
 * as solid bars. Shares of each, so that windows of different sizes compare.
 */
export function OverlaidDistribution({ labels, reference, live, title, names = ["reference", "live"] }: {
  labels: readonly string[]; reference: readonly number[]; live: readonly number[]; title: string;
  /** What the two are called. */
  names?: readonly [reference: string, live: string];
}) {
  const width = 640;
  const height = 150;
  const floor = height - 1;
  const largest = Math.max(1e-9, ...reference, ...live);
  const step = width / Math.max(1, labels.length);
  const y = (share: number): number => floor - (share / largest) * (height - 8);
  let outline = `M0,${floor}`;
  reference.forEach((share, index) => (outline += `V${y(share).toFixed(1)}H${((index + 1) * step).toFixed(1)}`));
  outline += `V${floor}`;
  return (
    <div className="distribution">
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={names[0] === "reference" ? `${title}: share of each bucket in the reference and in the live window; the table below has the numbers` : `${title}: ${labels.map((label, index) => `${label} ${formatShare(reference[index] ?? 0)} and ${formatShare(live[index] ?? 0)}`).join(", ")}`}>
        <path d={outline} className="distribution-reference-area" />
        {live.map((share, index) => (
          <rect key={index} x={index * step + step * 0.16} width={step * 0.68} y={y(share)} height={Math.max(0, floor - y(share))} className="distribution-live" />
        ))}
        <path d={outline} className="distribution-reference" vectorEffect="non-scaling-stroke" />
        {labels.map((label, index) => (
          <rect key={index} x={index * step} width={step} y="0" height={height} className="distribution-hit">
            <title>{`${label}\n${names[0]} ${formatShare(reference[index] ?? 0)}\n${names[1]} ${formatShare(live[index] ?? 0)}`}</title>
          </rect>
        ))}
      </svg>
      <div className="distribution-labels" aria-hidden="true" style={{ gridTemplateColumns: `repeat(${labels.length}, minmax(0, 1fr))` }}>
        {labels.map((label, index) => (
          <span key={index} title={label}>
            {label}
          </span>
        ))}
      </div>
    </div>
  );
}
