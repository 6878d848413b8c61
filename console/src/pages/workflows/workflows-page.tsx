import type { ReactNode } from "react";
import { TabPanel, Tabs } from "../../parts/tabs.tsx";
import { workflowTabs, type WorkflowTab } from "../../shell/sections.ts";
import { usePageTitle } from "../../shell/title.ts";
import { DefinitionsTab } from "./definitions-tab.tsx";
import { RunsTab } from "./runs-tab.tsx";
import { SchedulesTab } from "./schedules-tab.tsx";

const panels: Record<WorkflowTab, () => ReactNode> = { runs: RunsTab, definitions: DefinitionsTab, schedules: SchedulesTab };

export function WorkflowsPage({ tab }: { tab: WorkflowTab }) {
  const { label } = workflowTabs.find(({ id }) => id === tab)!;
  usePageTitle(tab === "runs" ? "Workflows" : `Workflows › ${label}`);
  const Panel = panels[tab];
  return (
    <div className="page">
      <header className="page-header">
        <h1>Workflows</h1>
      </header>
      <Tabs label="Workflows" selected={tab} tabs={workflowTabs.map(({ id, label: text, path }) => ({ id, label: text, href: path }))} />
      <TabPanel selected={tab}>
        <Panel />
      </TabPanel>
    </div>
  );
}
