import type { ReactNode } from "react";
import { useRights } from "../../data/session.ts";
import { TabPanel, Tabs } from "../../parts/tabs.tsx";
import { eventTabs, type EventTab } from "../../shell/sections.ts";
import { usePageTitle } from "../../shell/title.ts";
import { StreamTab } from "./stream-tab.tsx";
import { WebhooksTab } from "./webhooks-tab.tsx";

const panels: Record<EventTab, () => ReactNode> = { stream: StreamTab, webhooks: WebhooksTab };

export function EventsPage({ tab }: { tab: EventTab }) {
  usePageTitle(tab === "stream" ? "Events" : "Events › Webhooks");
  const rights = useRights();
  const shown = eventTabs.filter(({ id }) => id === tab || id === "stream" || rights.somewhere("admin"));
  const Panel = panels[tab];
  return (
    <div className="page">
      <header className="page-header">
        <h1>Events</h1>
      </header>
      <Tabs label="Events" selected={tab} tabs={shown.map(({ id, label, path }) => ({ id, label, href: path }))} />
      <TabPanel selected={tab}>
        <Panel />
      </TabPanel>
    </div>
  );
}
