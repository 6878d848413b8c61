/** A few numbers as a line, without axes; null leaves a gap. The label carries what it says. */
export function Sparkline({ values, label, width = 96, height = 24 }: { values: readonly (number | null)[]; label: string; width?: number; height?: number }) {
  const highest = Math.max(0, ...values.map((value) => value ?? 0));
  const largest = Math.max(1e-9, highest);
  const step = values.length > 1 ? width / (values.length - 1) : width;
  const y = (value: number): number => height - 1.5 - (value / largest) * (height - 3);
  let line = "";
  let area = "";
  let start: number | null = null;
  values.forEach((value, index) => {
    const x = (index * step).toFixed(1);
    if (value === null) {
      if (start !== null) area += `L${((index - 1) * step).toFixed(1)},${height}Z`;
      start = null;
      return;
    }
    line += `${start === null ? "M" : "L"}${x},${y(value).toFixed(1)}`;
    area += start === null ? `M${x},${height}L${x},${y(value).toFixed(1)}` : `L${x},${y(value).toFixed(1)}`;
    start ??= index;
  });
  if (start !== null) area += `L${((values.length - 1) * step).toFixed(1)},${height}Z`;
  return (
    <svg className={highest === 0 ? "sparkline sparkline-silent" : "sparkline"} viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      <path d={area} className="sparkline-area" />
      <path d={line} className="sparkline-line" />
    </svg>
  );
}
