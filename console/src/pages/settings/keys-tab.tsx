import { now } from "../../clock.ts";
import { apiPath, call } from "../../data/api.ts";
import { grantWords } from "../../data/grants.ts";
import { useQuery } from "../../data/query.ts";
import { invalidate, useResource } from "../../data/resource.ts";
import { useRights, useSession } from "../../data/session.ts";
import type { ApiKey } from "../../data/types.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Chip } from "../../parts/chip.tsx";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { Time } from "../../parts/time.tsx";
import { CreateKeyDialog } from "./create-key-dialog.tsx";
import { keyState } from "./key-state.ts";
import { RotateKeyDialog } from "./rotate-key-dialog.tsx";

export function KeysTab() {
  const keys = useResource<{ keys: ApiKey[] }>("/api/keys", { refreshMs: 30_000 });
  const query = useQuery();
  const rights = useRights();
  const all = query.get("show") === "all";
  const close = (): void => query.set({ create: null, revoke: null, rotate: null }, { replace: true });
  const revoked = keys.data?.keys.find(({ id }) => id === query.get("revoke"));
  const rotated = keys.data?.keys.find(({ id }) => id === query.get("rotate"));
  return (
    <>
      <div className="toolbar">
        <Segmented label="Keys" value={all ? "all" : ""} options={[{ id: "", label: "Usable" }, { id: "all", label: "All", title: "Also revoked and expired ones" }]} onChange={(id) => query.set({ show: id })} />
        <span className="toolbar-end">
          {rights.somewhere("contributor") && <button type="button" className="button button-primary" onClick={() => query.set({ create: "1" })}>Make a key</button>}
        </span>
      </div>
      <ResourceView resource={keys} lines={6}>
        {({ keys: entries }) => {
          const shown = all ? entries : entries.filter((key) => ["active", "expires soon"].includes(keyState(key, now()).word));
          return shown.length === 0 ? <NoKeys hidden={entries.length} /> : <KeysTable keys={shown} onRevoke={(id) => query.set({ revoke: id })} onRotate={(id) => query.set({ rotate: id })} />;
        }}
      </ResourceView>
      {query.get("create") !== null && <CreateKeyDialog onClose={close} />}
      {rotated !== undefined && rotated.revokedAt === null && <RotateKeyDialog apiKey={rotated} onClose={close} />}
      {revoked !== undefined && revoked.revokedAt === null && (
        <ConfirmDialog
          title={`Revoke ${revoked.name}?`} action="Revoke" onClose={close}
          work={() => call(apiPath`/api/keys/${revoked.id}`, { method: "DELETE" }).then(() => invalidate((key) => key === "/api/keys"))}
        >
          <p>
            From now on <code>{revoked.hint}…</code> is refused, here at once and in other replicas within five seconds; sessions that were started with it end. This cannot be taken back.
            {revoked.lastUsedAt === null ? " It was never used." : <> It was last used <Time at={revoked.lastUsedAt} relative />.</>}
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}

function KeysTable({ keys, onRevoke, onRotate }: { keys: readonly ApiKey[]; onRevoke: (id: string) => void; onRotate: (id: string) => void }) {
  const actor = useSession().data?.caller?.actor;
  const columns: Column<ApiKey>[] = [
    { label: "Name", kind: "name", cell: (key) => <>{key.name}<code className="cell-note" title={key.id}>{key.hint}…</code></> },
    {
      label: "May",
      cell: (key) => (
        <>
          <ul>{key.grants.map((grant) => <li key={grantWords(grant)}>{grantWords(grant)}</li>)}</ul>
          {key.team !== "default" && <span className="cell-note">of the team {key.team}</span>}
        </>
      ),
    },
    { label: "Made", cell: (key) => <><Time at={key.createdAt} /><span className="cell-note">by <ActorName actor={key.createdBy} /></span></> },
    { label: "Expires", cell: (key) => (key.expiresAt === null ? <span className="muted">never</span> : <Time at={key.expiresAt} />) },
    { label: "Last used", cell: (key) => (key.lastUsedAt === null ? <span className="muted">never</span> : <Time at={key.lastUsedAt} relative />) },
    { label: "State", cell: (key) => <KeyChip {...keyState(key, now())} /> },
    {
      label: "Actions", kind: "actions",
      cell: (key) => key.revokedAt === null && (
        <span className="cell-line cell-right">
          {/* A rotation ends the sessions of its key: this one would be over before the new secret is read. */}
          {actor !== `key:${key.id}` && <button type="button" className="button button-small" aria-label={`Rotate ${key.name}`} onClick={() => onRotate(key.id)}>Rotate</button>}
          <button type="button" className="button button-small" aria-label={`Revoke ${key.name}`} onClick={() => onRevoke(key.id)}>Revoke</button>
        </span>
      ),
    },
  ];
  return <div className="panel panel-table"><RowsTable columns={columns} rows={keys} rowKey={(key) => key.id} /></div>;
}

function KeyChip({ tone, word }: ReturnType<typeof keyState>) {
  return <Chip tone={tone}>{word}</Chip>;
}

function NoKeys({ hidden }: { hidden: number }) {
  return (
    <EmptyState title={hidden === 0 ? "No keys yet" : "No usable key"} command="npx slipway keys create ci --role deployer --team default --expires-days 90">
      <p>
        A key is how a program, or a person without a password, shows who it is. Make one for each of them, with the least that it needs; here, or on the command line:
        {hidden > 0 && ` (${hidden} revoked or expired ones are under “All”.)`}
      </p>
    </EmptyState>
  );
}
