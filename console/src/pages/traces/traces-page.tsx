import { useQuery } from "../../data/query.ts";
import { TabPanel, Tabs } from "../../parts/tabs.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { SessionView } from "./session-view.tsx";
import { SessionsTab } from "./sessions-tab.tsx";
import { TracesTab } from "./traces-tab.tsx";

const tabs = [
  { id: "traces", label: "Traces", href: "/traces" },
  { id: "sessions", label: "Sessions", href: "/traces?tab=sessions" },
];

/** What programs did, call by call: traces one by one, or the sessions that they belong to. */
export function TracesPage() {
  const query = useQuery();
  const tab = query.get("tab") === "sessions" ? "sessions" : "traces";
  const of = query.get("of");
  usePageTitle(tab === "traces" ? "Traces" : of === null ? "Traces › Sessions" : `Session ${of}`);
  return (
    <div className="page">
      <header className="page-header">
        <h1>Traces</h1>
      </header>
      <Tabs label="Traces" selected={tab} tabs={tabs} />
      <TabPanel selected={tab}>
        {tab === "traces" ? <TracesTab /> : of === null ? <SessionsTab /> : <SessionView key={of} session={of} />}
      </TabPanel>
    </div>
  );
}
