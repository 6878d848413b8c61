import { useState } from "react";
import { apiPath } from "../../data/api.ts";
import { useResource } from "../../data/resource.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import type { RevisionOfRoute } from "./gateway-data.ts";

/** What a route was: who changed it, when, why, and to what. */
export function RevisionsDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const revisions = useResource<{ revisions: RevisionOfRoute[] }>(apiPath`/api/gateway/routes/${name}/revisions`);
  const [opened, setOpened] = useState<number | null>(null);
  const columns: Column<RevisionOfRoute>[] = [
    { label: "Revision", kind: "name", cell: ({ revision, draft }) => <>{revision}{draft && <span className="cell-note">draft of a rollout</span>}</> },
    { label: "When", kind: "line", cell: ({ changedAt }) => <Time at={changedAt} /> },
    { label: "Who", cell: ({ changedBy }) => changedBy },
    { label: "Why", cell: ({ reason }) => (reason === "" ? <span className="muted">no reason given</span> : reason) },
    {
      label: "Settings", kind: "actions",
      cell: ({ revision, settings }) => (settings === null ? <span className="muted">removed</span> : <button type="button" className="button button-small" aria-expanded={opened === revision} onClick={() => setOpened(opened === revision ? null : revision)}>Settings</button>),
    },
  ];
  return (
    <Dialog title={`Revisions of ${name}`} onClose={onClose} className="dialog-wide">
      <ResourceView resource={revisions} lines={4}>
        {({ revisions: entries }) => (
          <>
            <div className="panel panel-table"><RowsTable columns={columns} rows={entries} rowKey={({ revision }) => revision} /></div>
            {opened !== null && <pre className="json" role="region" aria-label={`Settings of revision ${opened}`} tabIndex={0}>{JSON.stringify(entries.find(({ revision }) => revision === opened)?.settings, null, 2)}</pre>}
          </>
        )}
      </ResourceView>
      <div className="dialog-actions"><button type="button" className="button" onClick={onClose} autoFocus>Close</button></div>
    </Dialog>
  );
}
