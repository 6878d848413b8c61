/** A difference with its confidence interval over a line at zero; `scale` is half the width. The label carries what it says. */
export function DifferenceBar({ difference, interval, scale, higherIsBetter, tone, label }: {
  difference: number; interval: { low: number; high: number }; scale: number; higherIsBetter: boolean; tone: "good" | "bad" | "neutral"; label: string;
}) {
  const [width, height] = [260, 34];
  const x = (value: number): number => (0.5 + Math.max(-1, Math.min(1, value / scale)) / 2) * width;
  const [low, high] = [x(interval.low), x(interval.high)];
  const sides = higherIsBetter ? ["worse", "better"] : ["better", "worse"];
  return (
    <span className="difference">
      <svg viewBox={`0 0 ${width} ${height}`} className={`difference-bar difference-${tone}`} role="img" aria-label={label}>
        <rect x="0" y="5" width={width} height="24" rx="3" className="difference-track" />
        <rect x={low} y="11" width={Math.max(1.5, high - low)} height="12" rx="2" className="difference-interval" />
        <path d={`M${low},8V26M${high},8V26`} className="difference-end" />
        <path d={`M${width / 2},1V${height - 1}`} className="difference-zero" />
        <circle cx={x(difference)} cy="17" r="4.5" className="difference-point" />
      </svg>
      <span className="difference-sides" aria-hidden="true"><span>← {sides[0]}</span><span>0</span><span>{sides[1]} →</span></span>
    </span>
  );
}
