import { useState, type FormEvent } from "react";
import { Link } from "wouter";
import { apiPath, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { grantWords } from "../../data/grants.ts";
import { useQuery } from "../../data/query.ts";
import { invalidate, useResource } from "../../data/resource.ts";
import { useRights, useSession } from "../../data/session.ts";
import type { Team, User } from "../../data/types.ts";
import { formatCount } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";

const refreshTeams = (): void => invalidate((key) => key === "/api/teams");

export function TeamsTab() {
  const teams = useResource<{ teams: Team[] }>("/api/teams");
  const query = useQuery();
  const admin = useRights().onServer("admin");
  const close = (): void => query.set({ create: null, remove: null }, { replace: true });
  const removed = query.get("remove");
  const columns: Column<Team>[] = [
    { label: "Team", kind: "name", cell: ({ name, description }) => <>{name}{description !== "" && <span className="cell-note">{description}</span>}</> },
    { label: "Models", kind: "number", cell: ({ models }) => formatCount(models) },
    { label: "Usable keys", kind: "number", cell: ({ keys }) => formatCount(keys) },
    { label: "Made", cell: ({ createdAt }) => (createdAt === 0 ? <span className="muted">with the server</span> : <Time at={createdAt} />) },
    { label: "Actions", kind: "actions", cell: ({ name }) => admin && name !== "default" && <button type="button" className="button button-small" aria-label={`Remove ${name}`} onClick={() => query.set({ remove: name })}>Remove</button> },
  ];
  return (
    <>
      <Panel title="Teams" note="Models, runs, keys and webhooks belong to one" flush actions={admin && <button type="button" className="button button-small" onClick={() => query.set({ create: "1" })}>Make a team</button>}>
        <ResourceView resource={teams} lines={5}>
          {({ teams: entries }) => <RowsTable columns={columns} rows={entries} rowKey={({ name }) => name} />}
        </ResourceView>
      </Panel>
      {admin && <UsersPanel />}
      {query.get("create") !== null && <CreateTeamDialog onClose={close} />}
      {removed !== null && (
        <ConfirmDialog title={`Remove the team ${removed}?`} action="Remove" onClose={close} work={() => call(apiPath`/api/teams/${removed}`, { method: "DELETE" }).then(refreshTeams)}>
          <p>Only a team that has nothing can be removed: no models, usable keys, webhooks or schedules. Its events and its lines in the audit log stay.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function CreateTeamDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const action = useAction();
  const problem = action.error?.problems.find(({ path }) => path === "name")?.message;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    action.run(() => call<Team>("/api/teams", { method: "POST", body: JSON.stringify({ name: name.trim(), description: description.trim() }) }), () => {
      refreshTeams();
      onClose();
    });
  };
  return (
    <Dialog title="Make a team" onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        <Field label="Name" problem={problem} hint="Letters, digits, dots, dashes and underscores. It cannot be changed later.">
          {(control) => <input {...control} className="input" autoFocus autoComplete="off" required maxLength={128} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <Field label="Description" hint="What it is responsible for.">
          {(control) => <input {...control} className="input" autoComplete="off" maxLength={2000} value={description} onChange={(event) => setDescription(event.target.value)} />}
        </Field>
        {action.error !== null && problem === undefined && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy}>{action.busy ? "Making…" : "Make the team"}</button>
        </div>
      </form>
    </Dialog>
  );
}

function UsersPanel() {
  const users = useResource<{ users: User[] }>("/api/users");
  const oidc = useSession().data?.signIn.oidc ?? null;
  const action = useAction();
  const setDisabled = (user: User, disabled: boolean): void =>
    action.run(() => call<User>(apiPath`/api/users/${user.id}`, { method: "PUT", body: JSON.stringify({ disabled }) }), () => invalidate((key) => key === "/api/users"));
  const columns: Column<User>[] = [
    { label: "User", kind: "name", cell: ({ name, issuer, email }) => <>{name}<span className="cell-note" title={issuer}>{email}</span></> },
    { label: "May", cell: ({ grants }) => <ul>{grants.map((grant) => <li key={grantWords(grant)}>{grantWords(grant)}</li>)}</ul> },
    { label: "Last sign-in", cell: ({ signedInAt }) => <Time at={signedInAt} relative /> },
    { label: "State", cell: ({ disabledAt }) => (disabledAt === null ? <Chip tone="good">active</Chip> : <Chip>disabled</Chip>) },
    {
      label: "Actions", kind: "actions",
      cell: (user) => (
        <button type="button" className="button button-small" disabled={action.busy} aria-label={`${user.disabledAt === null ? "Disable" : "Enable"} ${user.name}`} onClick={() => setDisabled(user, user.disabledAt === null)}>
          {user.disabledAt === null ? "Disable" : "Enable"}
        </button>
      ),
    },
  ];
  return (
    <Panel title="Users" note="Who has signed in through the identity provider" flush>
      {action.error !== null && <ErrorBox error={action.error} />}
      <ResourceView resource={users} lines={3}>
        {({ users: entries }) =>
          entries.length === 0 ? (
            <p className="table-none">
              {oidc === null ? (
                <>No identity provider is set: people sign in with <Link href="/settings/keys">keys</Link>. To let them in with their accounts, start the server with <code>SLIPWAY_OIDC_ISSUER</code>, <code>SLIPWAY_OIDC_CLIENT_ID</code> and <code>SLIPWAY_OIDC_GROUPS</code>.</>
              ) : (
                `Nobody has signed in with ${oidc.name} yet. They appear here when they do, with the roles that their groups give them.`
              )}
            </p>
          ) : (
            <RowsTable columns={columns} rows={entries} rowKey={({ id }) => id} />
          )
        }
      </ResourceView>
    </Panel>
  );
}
