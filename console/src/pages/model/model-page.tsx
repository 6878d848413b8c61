import type { ReactNode } from "react";
import { Link } from "wouter";
import { championOf, providerName, useDrift, useModel } from "../../data/models.ts";
import { useQuery } from "../../data/query.ts";
import { useRollouts } from "../../data/rollouts.ts";
import type { ModelDetail } from "../../data/types.ts";
import { BackLink } from "../../parts/back-link.tsx";
import { Chip, DriftChip, StateMark } from "../../parts/chip.tsx";
import { ErrorBox, StaleNote } from "../../parts/error-box.tsx";
import { Skeleton } from "../../parts/resource-view.tsx";
import { TabPanel, Tabs } from "../../parts/tabs.tsx";
import { modelTabs, type ModelTab } from "../../shell/sections.ts";
import { usePageTitle } from "../../shell/title.ts";
import { ContractTab } from "../contract/contract-tab.tsx";
import { DriftTab } from "../drift/drift-tab.tsx";
import { EvaluationsTab } from "../evaluations/evaluations-tab.tsx";
import { runnersText } from "../models/model-row.tsx";
import { PolicyTab } from "../policy/policy-tab.tsx";
import { PredictionsTab } from "../predictions/predictions-tab.tsx";
import { phaseName, rolloutTones } from "../rollouts/rollout-words.ts";
import { RolloutTab } from "../rollouts/rollout-tab.tsx";
import { TryTab } from "../try-it/try-tab.tsx";
import { RegistryTab } from "../registry/registry-tab.tsx";
import { OverviewTab } from "./overview-tab.tsx";

export interface ModelTabProps {
  detail: ModelDetail;
  /** The version in the address, or else the champion, or else the newest; null when there is none at all. */
  version: string | null;
}

const panels: Record<ModelTab, (props: ModelTabProps) => ReactNode> = {
  overview: OverviewTab, try: TryTab, predictions: PredictionsTab, drift: DriftTab, contract: ContractTab, evaluations: EvaluationsTab, rollout: RolloutTab, registry: RegistryTab, policy: PolicyTab,
};

/** What every tab of a model has above it: where it stands. */
export function ModelPage({ name, tab }: { name: string; tab: ModelTab }) {
  const { data, error, reload } = useModel(name);
  const query = useQuery();
  const label = modelTabs.find((candidate) => candidate.id === tab)!.label;
  usePageTitle(tab === "overview" ? name : `${name} › ${label}`);

  const Panel = panels[tab];
  const version = data === undefined ? null : (query.get("version") ?? championOf(data.model, data.served) ?? data.versions[0]?.version ?? null);
  const wanted = query.get("version");
  const keep = wanted === null ? "" : `?version=${encodeURIComponent(wanted)}`;
  return (
    <div className="page">
      <header className="page-header model-header">
        <nav aria-label="Breadcrumb" className="breadcrumb">
          <BackLink href="/models">Models</BackLink>
        </nav>
        <h1>{name}</h1>
        {data !== undefined && <ModelFacts detail={data} />}
        {data !== undefined && data.model.description !== "" && <p className="page-description">{data.model.description}</p>}
      </header>
      <Tabs label={`Views of ${name}`} selected={tab} tabs={modelTabs.map(({ id, label: text, path }) => ({ id, label: text, href: `/models/${name}${path}${keep}` }))} />
      <TabPanel selected={tab}>
        {data === undefined ? error === undefined ? <Skeleton lines={8} /> : <ErrorBox error={error} retry={reload} /> : null}
        {data !== undefined && error !== undefined && <StaleNote error={error} retry={reload} />}
        {data !== undefined && <Panel detail={data} version={version} />}
      </TabPanel>
    </div>
  );
}

function ModelFacts({ detail }: { detail: ModelDetail }) {
  const champion = championOf(detail.model, detail.served);
  const served = detail.served.find((entry) => entry.version === champion);
  const drift = useDrift(detail.model.name).data;
  const rollout = useRollouts({ model: detail.model.name, open: true, limit: 1 }).data?.rollouts[0];
  return (
    <ul className="facts" aria-label="Status">
      <li>{champion === null ? <Chip tone="warning">no champion</Chip> : <Chip tone="accent">champion v{champion}</Chip>}</li>
      <li>
        <StateMark state={served?.state ?? null} reason={served?.reason} />
      </li>
      {served !== undefined && (
        <li className="muted" title={served.placement === "inline" ? "Measured tiny: runs in the server's own process" : "Runs in supervised processes of its own"}>
          {served.placement === "inline" ? "inline" : runnersText(served)} · {providerName(served.executionProvider)}
        </li>
      )}
      {drift !== undefined && drift.level !== "unknown" && (
        <li>
          <Link href={`/models/${detail.model.name}/drift`} className="chip-link">
            <DriftChip level={drift.level} />
          </Link>
        </li>
      )}
      {rollout !== undefined && (
        <li>
          <Link href={`/models/${detail.model.name}/rollout`} className="chip-link">
            <Chip tone={rolloutTones[rollout.state]}>{rollout.kind === "ab-test" ? "A/B test" : `v${rollout.candidate} in ${phaseName(rollout)}`}</Chip>
          </Link>
        </li>
      )}
      {served?.reason && <li className="facts-reason">{served.reason}</li>}
    </ul>
  );
}
