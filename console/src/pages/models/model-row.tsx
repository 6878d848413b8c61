import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { Sparkline } from "../../charts/sparkline.tsx";
import { providerName } from "../../data/models.ts";
import { requestRate, useSeries } from "../../data/series.ts";
import { presets } from "../../data/time-range.ts";
import type { LiveFigures, ModelEntry, ServedVersion } from "../../data/types.ts";
import { absent, formatMs, formatRate, formatShare } from "../../format.ts";
import { Chip, DriftChip, StateMark } from "../../parts/chip.tsx";

export interface ModelRowData {
  model: ModelEntry;
  /** The champion's number, null where there is none. */
  version: string | null;
  champion: ServedVersion | undefined;
  live: LiveFigures | null;
}

const hour = { kind: "preset", preset: presets[1] } as const;
const sparkPoints = 40;

export function ModelRow({ model, version, champion, live }: ModelRowData) {
  const row = useRef<HTMLTableRowElement>(null);
  const seen = useSeen(row);
  const others = model.served.filter((served) => served.version !== version && (served.state === "loading" || served.state === "failed"));
  return (
    <tr ref={row}>
      <th scope="row" data-label="Model">
        <Link href={`/models/${model.name}`} className="row-link">
          {model.name}
        </Link>
        {model.description !== "" && <span className="cell-note">{model.description}</span>}
      </th>
      <td data-label="Champion">
        <span className="cell-line">
          {version === null ? <span className="muted">none</span> : <Chip>v{version}</Chip>}
          <StateMark state={champion?.state ?? null} reason={champion?.reason} />
        </span>
        {champion?.reason && <span className="cell-note cell-bad">{champion.reason}</span>}
        {others.map((other) => (
          <span key={other.version} className={`cell-note${other.state === "failed" ? " cell-bad" : ""}`} title={other.reason ?? undefined}>
            v{other.version} {other.state}
          </span>
        ))}
      </td>
      <td data-label="Requests" className="numeric">
        <span className="cell-line cell-right">
          {seen ? <RequestSparkline model={model.name} /> : <span className="sparkline-space" />}
          <span className="rate">{formatRate(live?.requestsPerSecond)}</span>
        </span>
      </td>
      <td data-label="p95" className="numeric">
        {formatMs(live?.p95Ms)}
      </td>
      <td data-label="Errors" className={`numeric${(live?.errorRate ?? 0) >= 0.01 ? " cell-bad" : ""}`}>
        {formatShare(live?.errorRate)}
      </td>
      <td data-label="Drift">{model.drift === "unknown" ? <span className="muted" title="No reference data, or too few rows yet">unknown</span> : <DriftChip level={model.drift} short />}</td>
      <td data-label="Runs" className="muted">
        {champion === undefined ? absent : `${champion.placement === "inline" ? "inline" : runnersText(champion)} · ${providerName(champion.executionProvider)}`}
      </td>
    </tr>
  );
}

export function runnersText(served: ServedVersion): string {
  const { wanted, ready } = served.runners;
  return ready === wanted ? `${wanted} ${wanted === 1 ? "runner" : "runners"}` : `${ready} of ${wanted} runners`;
}

function RequestSparkline({ model }: { model: string }) {
  const { data } = useSeries(model, hour, sparkPoints, 30_000);
  if (data === undefined) return <span className="sparkline-space" />;
  const step = (data.to - data.from) / sparkPoints;
  const rates = new Array<number>(sparkPoints).fill(0);
  for (const version of data.versions) {
    for (const interval of version.intervals) {
      const rate = requestRate(interval, data.to);
      // Intervals may be longer than a step: each fills the steps that it covers.
      const first = Math.max(0, Math.round((interval.from - data.from) / step));
      const last = Math.min(sparkPoints, Math.round((interval.from + interval.seconds * 1000 - data.from) / step));
      for (let index = first; index < last; index++) rates[index] = rates[index]! + (rate ?? rates[index - 1] ?? 0);
    }
  }
  return <Sparkline values={rates} label={`Requests over the last hour, at most ${formatRate(Math.max(...rates))}`} />;
}

/** True once the element has come near the view; a long list asks only for what is looked at. */
function useSeen(element: { current: Element | null }): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        setSeen(true);
        observer.disconnect();
      }
    }, { rootMargin: "200px" });
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element]);
  return seen;
}
