import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import { isOpen, routeOf, useRollouts } from "../../data/rollouts.ts";
import { useRights } from "../../data/session.ts";
import type { RolloutSummary } from "../../data/types.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Pager } from "../../parts/pager.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { RolloutTable } from "./rollout-table.tsx";
import { StartDialog } from "./start-dialog.tsx";
import { StartTestDialog } from "./start-test-dialog.tsx";
import { SubjectOptions } from "./subject-options.tsx";

/** All rollouts that the reader may see: those under way first, whatever their age. */
export function RolloutsPage() {
  usePageTitle("Rollouts");
  const query = useQuery();
  const [model, before] = [query.get("model") ?? undefined, query.get("before")];
  const filter = model === undefined ? {} : { model };
  const open = useRollouts({ ...filter, open: true, limit: 200 });
  const ended = useRollouts({ ...filter, open: false, before });
  const mayStart = useRights().somewhere("deployer");
  const close = (): void => query.set({ start: null }, { replace: true });
  return (
    <div className="page">
      <header className="page-header"><h1>Rollouts</h1></header>
      <div className="toolbar">
        <label className="select-label">
          Of
          <select className="input" aria-label="Of which model or route" value={model ?? ""} onChange={(event) => query.set({ model: event.target.value, before: null })}>
            <option value="">all models and routes</option>
            <SubjectOptions chosen={model ?? null} />
          </select>
        </label>
        {mayStart && (
          <span className="toolbar-end">
            <button type="button" className="button" onClick={() => query.set({ start: "ab-test" })}>Start an A/B test</button>
            <button type="button" className="button button-primary" onClick={() => query.set({ start: "1" })}>Start a rollout</button>
          </span>
        )}
      </div>
      <ResourceView resource={open} lines={6}>
        {({ rollouts: underWay }) => (
          <ResourceView resource={ended} lines={6}>
            {({ rollouts, next }) => <Lists open={underWay} ended={rollouts.filter((rollout) => !isOpen(rollout))} older={next} model={model} isFirst={before === null} />}
          </ResourceView>
        )}
      </ResourceView>
      {query.get("start") === "ab-test" && <StartTestDialog subject={model ?? null} onClose={close} />}
      {query.get("start") === "1" && <StartDialog model={model ?? null} onClose={close} />}
    </div>
  );
}

function Lists({ open, ended, older, model, isFirst }: { open: readonly RolloutSummary[]; ended: readonly RolloutSummary[]; older: string | null; model: string | undefined; isFirst: boolean }) {
  if (open.length === 0 && ended.length === 0 && isFirst) {
    const route = model === undefined ? null : routeOf(model);
    return (
      <EmptyState title={model === undefined ? "No rollouts yet" : `${route === null ? model : `The route ${route}`} was never rolled out`} command={`npx slipway rollout start ${model ?? "MODEL"}${route === null ? "" : " --prompt prompt.txt"}`}>
        {route === null
          ? <p>A rollout gives a new version its traffic step by step: first as a shadow, then a few requests, then more. Gates compare it with the champion on the same traffic, and take it away again by themselves when it is worse.</p>
          : <p>A rollout tries another prompt or model on a few of the route’s calls, then on more. Gates compare what the calls cost, how long they take and how often they fail with the present settings, and take them back by themselves when they are worse. <Link href={`/gateway?change=${encodeURIComponent(route)}`}>Change the route</Link> to start one.</p>}
      </EmptyState>
    );
  }
  return (
    <>
      {isFirst && (
        <Panel title="Under way" flush>
          {open.length === 0 ? <p className="table-none">None now: every model answers with its champion alone, every route by its settings.</p> : <RolloutTable rollouts={open} />}
        </Panel>
      )}
      {(ended.length > 0 || !isFirst) && (
        <Panel title="Ended" flush>
          {ended.length === 0 ? <p className="table-none">That was the oldest one.</p> : <RolloutTable rollouts={ended} />}
        </Panel>
      )}
      <Pager older={older} />
    </>
  );
}
