import { Link } from "wouter";
import { now } from "../../clock.ts";
import { apiPath, call } from "../../data/api.ts";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import { useRights } from "../../data/session.ts";
import type { ApiKey } from "../../data/types.ts";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { useBudgets, type CallBudget } from "../costs/costs-data.ts";
import { formatNano } from "../costs/money.ts";
import { keyState } from "../settings/key-state.ts";
import { refreshGateway, useKeyPolicies, type KeyPolicy } from "./gateway-data.ts";
import { limitsLine } from "./gateway-words.ts";
import { KeyPolicyDialog } from "./key-policy-dialog.tsx";

/** What each API key may call and spend; without a policy, whatever its grants let it. */
export function KeyPoliciesTab() {
  const keys = useResource<{ keys: ApiKey[] }>("/api/keys", { refreshMs: 30_000 });
  const policies = useKeyPolicies();
  const budgets = useBudgets().data?.callBudgets ?? [];
  const query = useQuery();
  const rights = useRights();
  const mayChange = rights.somewhere("admin");
  const close = (): void => query.set({ change: null, remove: null }, { replace: true });
  const policyOf = (id: string): KeyPolicy | undefined => policies.data?.policies.find(({ key }) => key === id);
  const usable = keys.data?.keys.filter((key) => ["active", "expires soon"].includes(keyState(key, now()).word)) ?? [];
  const changed = usable.find(({ id }) => id === query.get("change"));
  const removed = usable.find(({ id }) => id === query.get("remove"));
  const columns: Column<ApiKey>[] = [
    { label: "Key", kind: "name", cell: (key) => <>{key.name}<code className="cell-note" title={key.id}>{key.hint}…</code></> },
    { label: "Team", cell: ({ team }) => team },
    { label: "Project", cell: ({ id }) => policyOf(id)?.settings.project ?? <span className="muted">none</span> },
    { label: "Routes", cell: ({ id, grants }) => <RoutesOfKey grants={grants} settings={policyOf(id)?.settings} /> },
    { label: "Limits and budget", cell: ({ id }) => limitsLine(policyOf(id)?.settings.limits, policyOf(id)?.settings.budget) ?? <span className="muted">none</span> },
    { label: "Spent", cell: ({ id }) => <SpentOfKey use={budgets.find(({ scope, name }) => scope === "key" && name === id)?.use ?? []} /> },
    {
      label: "Actions", kind: "actions",
      cell: ({ id, name }) => mayChange && (
        <span className="cell-line cell-right">
          <button type="button" className="button button-small" aria-label={`Set limits of ${name}`} onClick={() => query.set({ change: id })}>Set limits</button>
          {policyOf(id) !== undefined && <button type="button" className="button button-small" aria-label={`Take the limits of ${name} away`} onClick={() => query.set({ remove: id })}>Remove</button>}
        </span>
      ),
    },
  ];
  return (
    <>
      <div className="toolbar"><span className="toolbar-note">What each API key may call and spend. Keys themselves are made under <Link href="/settings/keys">Settings</Link>.</span></div>
      <ResourceView resource={keys} lines={4}>
        {() => (usable.length === 0 ? <NoKeys /> : <div className="panel panel-table"><RowsTable columns={columns} rows={usable} rowKey={({ id }) => id} /></div>)}
      </ResourceView>
      {changed !== undefined && policies.data !== undefined && <KeyPolicyDialog key={changed.id} apiKey={changed} policy={policyOf(changed.id) ?? null} onClose={close} />}
      {removed !== undefined && (
        <ConfirmDialog title={`Take the limits of ${removed.name} away?`} action="Take away" onClose={close} work={() => call(apiPath`/api/gateway/keys/${removed.id}`, { method: "DELETE" }).then(refreshGateway)}>
          <p>The key stays. It may then call every route that its grants let it, up to the budgets of routes and teams.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

/** A line for each window of its budget. */
function SpentOfKey({ use }: { use: CallBudget["use"] }) {
  if (use.length === 0) return <span className="muted">no budget</span>;
  return <span className="cell-lines">{use.map(({ window, spent, limit, percent }) => <span key={window}>{formatNano(spent)} of {formatNano(limit)} this {window}, {percent}%</span>)}</span>;
}

function NoKeys() {
  return (
    <EmptyState title="No keys yet" command="npx slipway keys create chat-app --role contributor --team default --expires-days 90">
      <p>Make a key for each program, here under Settings or on the command line; then set which routes it may call, how fast, and for how much a day.</p>
    </EmptyState>
  );
}

/** Those of its policy, else those that its grants name, and whether it may go past them, where its policy says so. */
function RoutesOfKey({ grants, settings }: { grants: ApiKey["grants"]; settings: KeyPolicy["settings"] | undefined }) {
  const { routes, direct } = settings ?? {};
  const granted = grants.every((grant) => grant.models !== undefined || grant.experiments !== undefined || grant.routes !== undefined) ? [...new Set(grants.flatMap((grant) => grant.routes ?? []))] : null;
  return (
    <>
      {routes !== undefined ? <code>{routes.join(", ")}</code> : granted === null ? <span className="muted">all of its grants</span> : granted.length === 0 ? <span className="muted">none: its grants name no route</span> : <><code>{granted.join(", ")}</code><span className="cell-note">by its grants</span></>}
      {direct !== undefined && <span className="cell-note">{direct ? "and PROVIDER/MODEL" : "no PROVIDER/MODEL"}</span>}
    </>
  );
}
