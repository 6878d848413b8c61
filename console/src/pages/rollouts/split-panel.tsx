import { useTick } from "../../data/live.ts";
import type { RolloutStatus } from "../../data/types.ts";
import { isOpen, routeOf, versionMark } from "../../data/rollouts.ts";
import { absent, formatCount, formatRate, formatShare } from "../../format.ts";
import { Panel } from "../../parts/panel.tsx";
import { armOf } from "./arm-values.ts";
import { armColor } from "./arm-color.ts";
import { actualShares, plannedShares } from "./rollout-words.ts";

/** Who answers: the shares of the route as a bar, and what was seen of it. */
export function SplitPanel({ status }: { status: RolloutStatus }) {
  const { rollout, route, figures } = status;
  const tick = useTick();
  const planned = plannedShares(status);
  const actual = actualShares(status);
  const words = planned.map(({ version, share }) => `${versionMark(rollout.model, version)} ${formatShare(share)}`).join(", ");
  const shadow = route?.shadow ?? null;
  // What the arms of a test were asked stands in its report.
  const isTest = rollout.kind === "ab-test";
  return (
    <Panel title="Traffic" note={route === null ? (isOpen(rollout) ? "the route is being written" : "not split any more") : `change ${route.revision} of the split`}>
      <div className="split-bar" role="img" aria-label={`Split: ${words}`}>
        {planned.filter(({ share }) => share > 0).map(({ arm, version, share }, index) => (
          <span key={arm} style={{ flexGrow: share, background: `var(${armColor(arm, index)})` }}>{share >= 0.12 ? `${versionMark(rollout.model, version)} ${formatShare(share)}` : ""}</span>
        ))}
      </div>
      <table className="table table-compact split-table">
        <thead>
          <tr><th scope="col">{routeOf(rollout.model) === null ? "Version" : "Settings"}</th><th scope="col" className="numeric">Share</th>{!isTest && <th scope="col" className="numeric">Seen</th>}<th scope="col" className="numeric">Now</th>{!isTest && <th scope="col" className="numeric">Requests</th>}</tr>
        </thead>
        <tbody>
          {planned.map(({ arm, version, share }, index) => {
            const live = tick?.models.find((entry) => entry.model === rollout.model && entry.version === version);
            const arms = armOf(figures, arm);
            return (
              <tr key={arm}>
                <th scope="row"><i className="arm-swatch" style={{ background: `var(${armColor(arm, index)})` }} aria-hidden="true" />{versionMark(rollout.model, version)} <span className="muted">{isTest && arm === "stable" ? "control" : arm}</span></th>
                <td className="numeric">{formatShare(share)}</td>
                {!isTest && <td className="numeric">{formatShare(actual?.get(arm))}</td>}
                <td className="numeric">{live === undefined ? absent : formatRate(live.requestsPerSecond)}</td>
                {!isTest && <td className="numeric">{arms === undefined ? absent : formatCount(arms.requests)}</td>}
              </tr>
            );
          })}
        </tbody>
      </table>
      {shadow !== null && shadow.share > 0 && <ShadowNote status={status} share={shadow.share} version={shadow.version} />}
      <Retries status={status} />
    </Panel>
  );
}

function ShadowNote({ status: { figures, rollout }, share, version }: { status: RolloutStatus; share: number; version: string }) {
  const pairs = figures.paired.reduce((sum, each) => sum + each.pairs, 0);
  const skipped = figures.paired.reduce((sum, each) => sum + each.skipped, 0);
  return (
    <p className="small muted">
      {versionMark(rollout.model, version)} is also asked {share === 1 ? "all" : formatShare(share)} of the requests that another version answers, after the answer and for comparison alone: {formatCount(pairs)} so far
      {skipped > 0 ? `, and ${formatCount(skipped)} left out because too many were under way` : ""}.
    </p>
  );
}

/** Requests that cost a caller nothing although a version failed at them. */
function Retries({ status: { figures, rollout } }: { status: RolloutStatus }) {
  const saved = armOf(figures, "stable")?.retries ?? 0;
  if (saved === 0) return null;
  return <p className="notice">{versionMark(rollout.model, rollout.stable)} answered {formatCount(saved)} {saved === 1 ? "request" : "requests"} that the candidate had failed at: no caller saw an error of these.</p>;
}
