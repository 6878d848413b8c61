import type { PredictionTiming } from "../../data/types.ts";
import { formatMs, plural } from "../../format.ts";

/** Where the time of one request went. What is neither queue nor model is reading, checking and writing. */
export function TimingBar({ timing }: { timing: PredictionTiming }) {
  const other = Math.max(0, timing.totalUs - timing.queueUs - timing.runUs);
  const whole = Math.max(1, timing.queueUs + timing.runUs + other);
  const parts = [
    { id: "queue", label: "queue", value: timing.queueUs },
    { id: "run", label: "model", value: timing.runUs },
    { id: "other", label: "other", value: other },
  ];
  return (
    <div className="timing">
      <div className="timing-bar" role="img" aria-label={parts.map(({ label, value }) => `${label} ${formatMs(value / 1000)}`).join(", ")}>
        {parts.map(({ id, value }) => value > 0 && <span key={id} className={`timing-${id}`} style={{ width: `${(value / whole) * 100}%` }} />)}
      </div>
      <dl className="timing-legend">
        {parts.map(({ id, label, value }) => (
          <div key={id}>
            <dt><i className={`swatch swatch-wide timing-${id}`} aria-hidden="true" />{label}</dt>
            <dd>{formatMs(value / 1000)}</dd>
          </div>
        ))}
        <div><dt>total</dt><dd><strong>{formatMs(timing.totalUs / 1000)}</strong></dd></div>
        <div><dt>batch</dt><dd>{timing.batchRows === 0 ? "not run" : plural(timing.batchRows, "row")}</dd></div>
      </dl>
    </div>
  );
}
