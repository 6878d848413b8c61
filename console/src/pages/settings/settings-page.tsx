import type { ReactNode } from "react";
import { useRights } from "../../data/session.ts";
import { TabPanel, Tabs } from "../../parts/tabs.tsx";
import { settingsTabs, type SettingsTab } from "../../shell/sections.ts";
import { usePageTitle } from "../../shell/title.ts";
import { AuditTab } from "./audit-tab.tsx";
import { DoctorTab } from "./doctor-tab.tsx";
import { KeysTab } from "./keys-tab.tsx";
import { TeamsTab } from "./teams-tab.tsx";

const panels: Record<SettingsTab, () => ReactNode> = { keys: KeysTab, teams: TeamsTab, audit: AuditTab, doctor: DoctorTab };
/** Tabs that are for admins of the whole server; others see them only by a link, and are told so there. */
const forAdmins: ReadonlySet<SettingsTab> = new Set(["audit", "doctor"]);

export function SettingsPage({ tab }: { tab: SettingsTab }) {
  const { label } = settingsTabs.find(({ id }) => id === tab)!;
  usePageTitle(`Settings › ${label}`);
  const rights = useRights();
  const shown = settingsTabs.filter(({ id }) => id === tab || !forAdmins.has(id) || rights.onServer("admin"));
  const Panel = panels[tab];
  return (
    <div className="page">
      <header className="page-header">
        <h1>Settings</h1>
      </header>
      <Tabs label="Settings" selected={tab} tabs={shown.map(({ id, label: text, path }) => ({ id, label: text, href: path }))} />
      <TabPanel selected={tab}>
        <Panel />
      </TabPanel>
    </div>
  );
}
