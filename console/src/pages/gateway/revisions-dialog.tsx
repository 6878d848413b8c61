import { useState, type FormEvent } from "react";
import { Link } from "wouter";
import { useAction } from "../../data/action.ts";
import { apiPath, call } from "../../data/api.ts";
import { useResource } from "../../data/resource.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Chip } from "../../parts/chip.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { refreshGateway, type RevisionInHistory, type RouteHistory, type RouteTurn } from "./gateway-data.ts";
import { SettingsCompared } from "./settings-compared.tsx";

const turnColumns: Column<RouteTurn>[] = [
  { label: "Since", kind: "name", cell: ({ since }) => <Time at={since} /> },
  { label: "Revision", cell: ({ revision }) => revision },
  { label: "Who", cell: ({ actor }) => <ActorName actor={actor} /> },
  { label: "Why", cell: ({ reason }) => whyWords(reason) },
];

/** What a route was and was to be: who changed it, when, why, to what, which revision answers, and which answered when. Who may can give one the calls again. */
export function RevisionsDialog({ name, mayChange, onClose }: { name: string; mayChange: boolean; onClose: () => void }) {
  const history = useResource<RouteHistory>(apiPath`/api/gateway/routes/${name}/revisions`);
  const [opened, setOpened] = useState<number | null>(null);
  const answering = history.data?.revision ?? null;
  const columns: Column<RevisionInHistory>[] = [
    {
      label: "Revision", kind: "name",
      cell: ({ revision, draft, rollout }) => (
        <>
          {revision} {revision === answering && <Chip tone="good">answers</Chip>}
          {rollout !== null ? <span className="cell-note">{draft ? "draft: " : ""}<Link href={`/rollouts/${rollout.id}`}>rollout {rollout.state}</Link></span> : draft && <span className="cell-note">draft</span>}
        </>
      ),
    },
    { label: "When", kind: "line", cell: ({ changedAt }) => <Time at={changedAt} /> },
    { label: "Who", cell: ({ changedBy }) => <ActorName actor={changedBy} /> },
    { label: "Why", cell: ({ reason, draft, rollout }) => <>{whyWords(reason)}{draft && rollout !== null && rollout.reason !== "" && <span className="cell-note">{rollout.reason}</span>}</> },
    {
      label: "Settings", kind: "actions",
      cell: ({ revision, settings }) => (settings === null ? <span className="muted">removed</span> : <button type="button" className="button button-small" aria-expanded={opened === revision} onClick={() => setOpened(opened === revision ? null : revision)}>Settings</button>),
    },
  ];
  return (
    <Dialog title={`Revisions of ${name}`} onClose={onClose} className="dialog-wide">
      <ResourceView resource={history} lines={4}>
        {({ revisions, turns }) => {
          const chosen = revisions.find(({ revision }) => revision === opened);
          const present = revisions.find(({ revision }) => revision === answering)?.settings ?? null;
          return (
            <>
              <div className="panel panel-table"><RowsTable columns={columns} rows={revisions} rowKey={({ revision }) => revision} /></div>
              {chosen !== undefined && chosen.settings !== null && (
                <>
                  {present !== null && chosen.revision !== answering && <SettingsCompared before={present} after={chosen.settings} labels={[`Revision ${answering}, answers`, `Revision ${chosen.revision}`]} />}
                  {mayChange && !chosen.draft && present !== null && chosen.revision !== answering && <Restore key={chosen.revision} name={name} revision={chosen.revision} onDone={() => { setOpened(null); history.reload(); }} />}
                  <pre className="json" role="region" aria-label={`Settings of revision ${opened}`} tabIndex={0}>{JSON.stringify(chosen.settings, null, 2)}</pre>
                </>
              )}
              {turns.length > 0 && <section aria-label="What answered"><h3>What answered</h3><div className="panel panel-table"><RowsTable columns={turnColumns} rows={turns} rowKey={({ since, revision }) => `${since} ${revision}`} /></div></section>}
            </>
          );
        }}
      </ResourceView>
      <div className="dialog-actions"><button type="button" className="button" onClick={onClose} autoFocus>Close</button></div>
    </Dialog>
  );
}

/** Gives a revision the calls again. A rollout that is under way ends with it. */
function Restore({ name, revision, onDone }: { name: string; revision: number; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const action = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    action.run(() => call(apiPath`/api/gateway/routes/${name}/rollback`, { method: "POST", body: JSON.stringify({ to: String(revision), reason: reason.trim() }) }), () => {
      refreshGateway();
      onDone();
    });
  };
  return (
    <form onSubmit={submit} className="dialog-form" aria-label={`Restore revision ${revision}`}>
      <Field label="Why" hint="Stands in the history. A rollout or a test of the route that is under way ends.">{(control) => <input {...control} className="input" autoComplete="off" maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />}</Field>
      {action.error !== null && <ErrorBox error={action.error} />}
      <div><button type="submit" className="button button-primary" disabled={action.busy}>{action.busy ? "Restoring…" : `Restore revision ${revision}`}</button></div>
    </form>
  );
}

function whyWords(reason: string) {
  return reason === "" ? <span className="muted">no reason given</span> : reason;
}
