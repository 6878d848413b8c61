import { useModels } from "../../data/models.ts";
import { useQuery } from "../../data/query.ts";
import { isOpen, useRollouts } from "../../data/rollouts.ts";
import { useRights } from "../../data/session.ts";
import type { RolloutSummary } from "../../data/types.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Pager } from "../../parts/pager.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { RolloutTable } from "./rollout-table.tsx";
import { StartDialog } from "./start-dialog.tsx";

/** All rollouts that the reader may see: those under way first, whatever their age. */
export function RolloutsPage() {
  usePageTitle("Rollouts");
  const query = useQuery();
  const [model, before] = [query.get("model") ?? undefined, query.get("before")];
  const filter = model === undefined ? {} : { model };
  const open = useRollouts({ ...filter, open: true, limit: 200 });
  const ended = useRollouts({ ...filter, open: false, before });
  const models = useModels().data?.models ?? [];
  const mayStart = useRights().somewhere("deployer");
  const names = new Set([...models.map(({ name }) => name), ...(model === undefined ? [] : [model])]);
  return (
    <div className="page">
      <header className="page-header"><h1>Rollouts</h1></header>
      <div className="toolbar">
        <label className="select-label">
          Model
          <select className="input" value={model ?? ""} onChange={(event) => query.set({ model: event.target.value, before: null })}>
            <option value="">all</option>
            {[...names].map((name) => <option key={name}>{name}</option>)}
          </select>
        </label>
        {mayStart && <span className="toolbar-end"><button type="button" className="button button-primary" onClick={() => query.set({ start: "1" })}>Start a rollout</button></span>}
      </div>
      <ResourceView resource={open} lines={6}>
        {({ rollouts: underWay }) => (
          <ResourceView resource={ended} lines={6}>
            {({ rollouts, next }) => <Lists open={underWay} ended={rollouts.filter((rollout) => !isOpen(rollout))} older={next} model={model} isFirst={before === null} />}
          </ResourceView>
        )}
      </ResourceView>
      {query.get("start") !== null && <StartDialog model={model ?? null} onClose={() => query.set({ start: null }, { replace: true })} />}
    </div>
  );
}

function Lists({ open, ended, older, model, isFirst }: { open: readonly RolloutSummary[]; ended: readonly RolloutSummary[]; older: string | null; model: string | undefined; isFirst: boolean }) {
  if (open.length === 0 && ended.length === 0 && isFirst) {
    return (
      <EmptyState title={model === undefined ? "No rollouts yet" : `${model} was never rolled out`} command={`npx slipway rollout start ${model ?? "MODEL"}`}>
        <p>A rollout gives a new version its traffic step by step: first as a shadow, then a few requests, then more. Gates compare it with the champion on the same traffic, and take it away again by themselves when it is worse.</p>
      </EmptyState>
    );
  }
  return (
    <>
      {isFirst && (
        <Panel title="Under way" flush>
          {open.length === 0 ? <p className="table-none">None now: every model answers with its champion alone.</p> : <RolloutTable rollouts={open} />}
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
