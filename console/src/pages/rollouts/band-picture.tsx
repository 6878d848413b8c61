export interface BandBar {
  value: number | null;
  low: number | null;
  high: number | null;
  color: string;
}

const width = 240;
const rowHeight = 13;

/** Values with their bounds on one scale, one above the other: where the bars do not touch, the difference is no chance. The label carries what it says. */
export function BandPicture({ bars, fromZero, label }: { bars: readonly BandBar[]; fromZero: boolean; label: string }) {
  const values = bars.flatMap(({ value }) => (value === null ? [] : [value]));
  if (values.length === 0) return null;
  // Wide bounds of few requests must not press the values together: the scale holds at most so much of them.
  const reach = Math.max(...values.map(Math.abs)) * 2.5 || 1;
  const ends = bars.flatMap(({ value, low, high }) => (value === null ? [] : [Math.max(low ?? value, value - reach), Math.min(high ?? value, value + reach)]));
  const bottom = fromZero ? Math.min(0, ...ends) : Math.min(...ends);
  const top = Math.max(...ends, bottom + Number.MIN_VALUE);
  const room = (top - bottom) * 0.04 || 1;
  const x = (value: number): number => 2 + (Math.max(0, Math.min(top + room - bottom, value - bottom)) / (top + room - bottom)) * (width - 4);
  const height = bars.length * rowHeight + 2;
  return (
    <svg className="band-picture" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <rect x="0.5" y="0.5" width={width - 1} height={height - 1} rx="3" className="difference-track" />
      {bars.map(({ value, low, high, color }, index) => {
        if (value === null) return null;
        const y = 1 + index * rowHeight + rowHeight / 2;
        const [from, to] = [x(low ?? bottom), x(high ?? top + room)];
        return (
          <g key={index} style={{ color: `var(${color})` }}>
            {(low !== null || high !== null) && <rect x={from} y={y - 4} width={Math.max(1.5, to - from)} height="8" rx="2" fill="currentcolor" opacity="0.35" />}
            <path d={`M${x(value)},${y - 5}v10`} stroke="currentcolor" strokeWidth="2.5" />
          </g>
        );
      })}
      {bottom < 0 && top > 0 && <path d={`M${x(0)},0V${height}`} className="difference-zero" />}
    </svg>
  );
}
