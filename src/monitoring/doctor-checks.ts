import { epochMs } from "../core/clock.ts";
import { counted } from "../core/counted.ts";
import { ok, skipped, warning, type DoctorCheck } from "../core/doctor-check.ts";
import type { DriftReport, ServingSeries } from "./schemas.ts";

export interface MonitoredModels {
  /** Names of the models that serve. */
  models(): readonly string[];
  /** Version that callers get who name none. */
  activeVersion(model: string): string | null;
  series(model: string, from: ReturnType<typeof epochMs>, to: ReturnType<typeof epochMs>, points: number): Promise<ServingSeries>;
  drift(model: string, version: string): DriftReport | null;
}

const hourMs = 3_600_000;
/** Fewer requests have no p95 worth comparing. */
const minimumRequests = 100;
const latencyFactor = 1.5;

/** Troubles that show in what monitoring keeps anyhow. */
export function monitoringChecks(monitored: MonitoredModels): DoctorCheck[] {
  return [
    {
      name: "latency spikes after a deployment",
      async run(now) {
        const slower: string[] = [];
        let compared = 0;
        for (const model of monitored.models()) {
          const active = monitored.activeVersion(model);
          const { versions } = await monitored.series(model, epochMs(now - 24 * hourMs), now, 24);
          const current = versions.find(({ version }) => version === active)?.total;
          const earlier = versions.filter(({ version, total }) => Number(version) < Number(active) && total.requests >= minimumRequests).at(-1);
          const currentMs = current?.p95Ms ?? null;
          const earlierMs = earlier?.total.p95Ms ?? null;
          if (current === undefined || earlier === undefined || currentMs === null || earlierMs === null || current.requests < minimumRequests) continue;
          compared++;
          if (currentMs > earlierMs * latencyFactor) {
            slower.push(`${model}: p95 ${currentMs.toFixed(1)} ms with version ${active}, ${earlierMs.toFixed(1)} ms with ${earlier.version}`);
          }
        }
        if (slower.length > 0) {
          return warning(`${slower.join("; ")}.`, "Go back with `slipway models activate MODEL VERSION`, or give the model more runners or a shorter batch delay in its policy.");
        }
        return compared === 0 ? skipped("No model had 100 requests on two versions in the last 24 hours.") : ok(`${counted(compared, "model is", "models are")} no slower than on the version before.`);
      },
    },
    {
      name: "drift alerts that fire constantly",
      run() {
        const noisy: string[] = [];
        let looked = 0;
        for (const model of monitored.models()) {
          const version = monitored.activeVersion(model);
          const report = version === null ? null : monitored.drift(model, version);
          if (report === null || report.columns.length === 0) continue;
          looked++;
          const drifting = report.columns.filter(({ level }) => level === "moderate" || level === "major");
          const doubtful = drifting.filter(({ psi, noise }) => psi !== null && noise !== null && psi < 2 * noise);
          if (doubtful.length > 0) noisy.push(`${model}: ${doubtful.map(({ column }) => column).join(", ")} hardly above what ${counted(report.rows, "row shows", "rows show")} by chance`);
          else if (drifting.length > report.columns.length / 2) noisy.push(`${model}: ${drifting.length} of ${counted(report.columns.length, "column")} at once`);
        }
        if (noisy.length > 0) {
          return warning(`${noisy.join("; ")}.`, "Lengthen monitoring.windowMinutes in the policy where rows are few; where most columns drift, the reference data is not what production sees: deploy with newer reference data.");
        }
        return looked === 0 ? skipped("No model has reference data and traffic.") : ok(`${counted(looked, "model has", "models have")} no such columns.`);
      },
    },
  ];
}
