import { Chart } from "../../charts/chart.tsx";
import { useAbTest } from "../../data/ab-tests.ts";
import { routeOf, versionMark } from "../../data/rollouts.ts";
import type { AbTestReport, Rollout } from "../../data/types.ts";
import { absent, formatCount, formatNumber, formatShare } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { covariateWords, differenceSeries, metricFormat, neededWords } from "./ab-test-words.ts";
import { armColor } from "./arm-color.ts";

type Arm = AbTestReport["arms"][number];
type Comparison = AbTestReport["comparisons"][number];
type Format = (value: number | null | undefined) => string;

const tones = { better: "good", worse: "bad", undecided: "neutral", "no data": "neutral" } as const;

/** What an A/B test knows: each arm, its difference to the control as it grew, and what it takes to conclude. */
export function AbTestReportView({ rollout }: { rollout: Rollout }) {
  const resource = useAbTest(rollout);
  return <ResourceView resource={resource} lines={8}>{(report) => <Report report={report} />}</ResourceView>;
}

function Report({ report }: { report: AbTestReport }) {
  const { spec, arms, comparisons, advice, sampleRatio, keys } = report;
  const format = metricFormat(report);
  const shared = sampleRatio === null ? "" : sampleRatio.mismatch ? "the traffic is not shared as planned" : "the traffic is shared as planned";
  return (
    <>
      <Panel title="Arms" note={[shared, keys === 0 ? "" : `${formatCount(keys)} keys`].filter((part) => part !== "").join(", ")} flush>
        {sampleRatio?.mismatch === true && <p className="stale panel-notice" role="status">The arms do not get the traffic that they should. Find out why before you believe a difference.</p>}
        <RowsTable columns={armColumns(format.value, report.rollout.model)} rows={arms} rowKey={({ name }) => name} />
      </Panel>
      <Panel title={`Difference of ${spec.metric}`} note={`to the control; ${spec.direction} is better, bounds of ${formatShare(1 - spec.alpha)} that hold however often one looks`} flush>
        <RowsTable columns={comparisonColumns(report.rollout.endedAt !== null, format.difference)} rows={comparisons} rowKey={({ variant }) => variant} />
        {advice.length > 0 && <ul className="panel-notice advice" aria-label="Advice">{advice.map((text) => <li key={text}>{text}</li>)}</ul>}
      </Panel>
      <section className="charts" aria-label="Charts">
        {comparisons.map(({ variant }, index) => <Growth key={variant} report={report} variant={variant} index={index + 1} />)}
      </section>
    </>
  );
}

function Growth({ report, variant, index }: { report: AbTestReport; variant: string; index: number }) {
  const { times, values, low, high } = differenceSeries(report, variant);
  if (times.length < 2) return null;
  const color = armColor(variant, index);
  return (
    <Chart
      className="chart-half" title={`${variant} less control`} times={times} from={times[0]! * 1000} to={times.at(-1)! * 1000} fitted format={metricFormat(report).difference}
      lines={[{ label: "difference", values, color }]} bands={[{ label: "bounds", low, high, color }]} levels={[{ label: "no difference", value: 0, color: "--text-muted" }]}
    />
  );
}

const armColumns = (format: Format, subject: string): readonly Column<Arm>[] => [
  { label: "Arm", kind: "name", cell: ({ name, cut }) => <>{name} {cut !== null && <Chip tone="bad" title={cut.reason}>traffic taken away</Chip>}</> },
  { label: routeOf(subject) === null ? "Version" : "Settings", kind: "number", cell: ({ version }) => versionMark(subject, version) },
  { label: "Traffic", kind: "number", cell: ({ share, cut }) => (cut === null ? formatShare(share) : absent) },
  { label: "Requests", kind: "number", cell: ({ requests }) => formatCount(requests) },
  { label: "Failures", kind: "number", cell: ({ failures }) => formatCount(failures) },
  { label: "Values", kind: "number", title: ({ units }) => `worth ${formatCount(Math.round(units))} independent ones`, cell: ({ n }) => formatCount(n) },
  { label: "Mean", kind: "number", title: ({ low, high }) => (low === null || high === null ? "" : `${format(low)} to ${format(high)}`), cell: ({ mean }) => format(mean) },
];

const comparisonColumns = (isOver: boolean, format: Format): readonly Column<Comparison>[] => [
  { label: "Variant", kind: "name", cell: ({ variant }) => variant },
  { label: "Conclusion", cell: ({ conclusion, detail }) => <Chip tone={tones[conclusion]} title={detail}>{conclusion}</Chip> },
  { label: "Difference", kind: "number", cell: ({ difference }) => format(difference?.estimate) },
  { label: "Between", cell: (comparison) => <><span className={comparison.difference === null ? undefined : "nowrap"}>{betweenWords(comparison, format)}</span>{covariateWords(comparison) !== null && <span className="cell-note">{covariateWords(comparison)}</span>}</> },
  { label: "p-value", kind: "number", cell: ({ difference }) => (difference === null ? absent : formatNumber(difference.pValue, 3)) },
  { label: "To conclude", cell: (comparison) => neededWords(comparison, isOver) },
];

function betweenWords({ difference, detail }: Comparison, format: Format): string {
  return difference === null ? detail : `${format(difference.low)} and ${format(difference.high)}`;
}
