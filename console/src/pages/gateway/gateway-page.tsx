import type { ReactNode } from "react";
import { TabPanel, Tabs } from "../../parts/tabs.tsx";
import { gatewayTabs, type GatewayTab } from "../../shell/sections.ts";
import { usePageTitle } from "../../shell/title.ts";
import { HealthTab } from "./health-tab.tsx";
import { KeyPoliciesTab } from "./key-policies-tab.tsx";
import { PlaygroundTab } from "./playground-tab.tsx";
import { ProvidersTab } from "./providers-tab.tsx";
import { RoutesTab } from "./routes-tab.tsx";

const panels: Record<GatewayTab, () => ReactNode> = { routes: RoutesTab, playground: PlaygroundTab, providers: ProvidersTab, keys: KeyPoliciesTab, health: HealthTab };

/** The one door to language models: what can be called, what stands behind it, who may call it, and how it does. */
export function GatewayPage({ tab }: { tab: GatewayTab }) {
  const { label } = gatewayTabs.find(({ id }) => id === tab)!;
  usePageTitle(tab === "routes" ? "Gateway" : `Gateway › ${label}`);
  const Panel = panels[tab];
  return (
    <div className="page">
      <header className="page-header">
        <h1>Gateway</h1>
      </header>
      <Tabs label="Gateway" selected={tab} tabs={gatewayTabs.map(({ id, label: text, path }) => ({ id, label: text, href: path }))} />
      <TabPanel selected={tab}>
        <Panel />
      </TabPanel>
    </div>
  );
}
