import { counted } from "../../core/counted.ts";
import { textTable } from "../../core/text-table.ts";
import { routeOfSubject } from "../../core/traffic-subject.ts";
import { metricText } from "./metric-text.ts";
import type { AbTestReport } from "./schemas.ts";

/** A report for terminals. */
export function abTestText({ rollout, spec, arms, comparisons, keys, sampleRatio, advice }: AbTestReport): string {
  const ofRoute = routeOfSubject(rollout.model) !== null;
  const text = metricText(rollout.model, spec.metric);
  const lines = [
    `${rollout.model}: ${spec.metric}, ${spec.direction} is better, ${rollout.state}${rollout.reason === "" ? "" : ` (${rollout.reason})`}   ${rollout.id}`,
    textTable(
      ["  ARM", ofRoute ? "REVISION" : "VERSION", "TRAFFIC", "REQUESTS", "FAILURES", "VALUES", "MEAN", "BETWEEN"],
      arms.map(({ name, version, share, cut, requests, failures, n, mean, low, high }) => [
        `  ${name}`, version, cut === null ? percent(share) : "taken away", String(requests), String(failures), String(n), mean === null ? "-" : text.value(mean), low === null || high === null ? "-" : `${text.value(low)} and ${text.value(high)}`,
      ]),
    ),
  ];
  for (const { variant, conclusion, detail, difference, covariate, needed } of comparisons) {
    lines.push(`  ${variant}: ${conclusion}; ${detail}${difference === null ? "" : ` (p ${shown(difference.pValue)})`}`);
    if (covariate !== null) lines.push(`    the covariate saves ${percent(covariate.saves)} of the samples (correlation ${shown(covariate.correlation)})`);
    if (needed !== null) lines.push(`    ${needed.samplesSoFar} of ${needed.samples} values for the effect of ${text.value(spec.effect!)}${needed.daysLeft === null ? "" : `, ${shown(needed.daysLeft)} ${shown(needed.daysLeft) === "1" ? "day" : "days"} left`}`);
  }
  if (sampleRatio !== null) lines.push(`  traffic ${sampleRatio.mismatch ? "is NOT shared as planned" : "is shared as planned"} (p ${shown(sampleRatio.pValue)}${keys === 0 ? "" : `, ${counted(keys, "key")}`})`);
  return [...lines, ...advice.map((text) => `  ! ${text}`)].join("\n");
}

function shown(value: number | null): string {
  return value === null ? "-" : String(Number(value.toPrecision(4)));
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`;
}
