import { useState } from "react";
import { useAction } from "../../data/action.ts";
import { apiPath, call } from "../../data/api.ts";
import { useQuery } from "../../data/query.ts";
import { useRights } from "../../data/session.ts";
import { formatMs } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { refreshGateway, useProviders, type ListedProvider } from "./gateway-data.ts";
import { kindWords, originWords, secretWords } from "./gateway-words.ts";
import { ProviderDialog } from "./provider-dialog.tsx";

interface ProviderTest {
  ok: boolean;
  ms: number;
  message: string;
  models: string[];
}

/** Who answers in the end: what was set here, and what was found without a word. */
export function ProvidersTab() {
  const providers = useProviders();
  const query = useQuery();
  const rights = useRights();
  const mayChange = rights.onServer("admin");
  const close = (): void => query.set({ add: null, change: null, remove: null }, { replace: true });
  const named = (parameter: string): ListedProvider | undefined => providers.data?.providers.find(({ name }) => name === query.get(parameter));
  const [changed, removed] = [named("change"), named("remove")];
  const columns: Column<ListedProvider>[] = [
    { label: "Provider", kind: "name", cell: ({ name, origin }) => <>{name}<span className="cell-note">{originWords[origin]}</span></> },
    { label: "Kind", cell: ({ settings }) => <>{kindWords[settings.kind]}{settings.baseUrl !== undefined && <span className="cell-note mono">{settings.baseUrl}</span>}{settings.defaultTier !== undefined && <span className="cell-note">default tier {settings.defaultTier}</span>}</> },
    { label: "Secret", cell: ({ secret, trouble }) => <>{secret === "none" ? <span className="muted">none</span> : secretWords[secret]}{trouble !== null && <span className="cell-note cell-bad">{trouble}</span>}</> },
    { label: "Models", cell: ({ settings }) => (settings.models === undefined ? <span className="muted nowrap">all of its own</span> : <code>{settings.models.join(", ")}</code>) },
    {
      label: "Actions", kind: "actions",
      cell: (provider) => mayChange && (
        <span className="cell-line cell-right provider-actions">
          <TestButton name={provider.name} />
          <button type="button" className="button button-small" aria-label={`Change ${provider.name}`} onClick={() => query.set({ change: provider.name })}>Change</button>
          {provider.origin === "stored" && <button type="button" className="button button-small" aria-label={`Remove ${provider.name}`} onClick={() => query.set({ remove: provider.name })}>Remove</button>}
        </span>
      ),
    },
  ];
  return (
    <>
      <div className="toolbar">
        <span className="toolbar-note">A key in the environment, such as <code>OPENAI_API_KEY</code>, is found by itself; so is a local server at its usual port.</span>
        <span className="toolbar-end">{mayChange && <button type="button" className="button button-primary" onClick={() => query.set({ add: "1" })}>Add a provider</button>}</span>
      </div>
      <ResourceView resource={providers} lines={4}>
        {({ providers: entries }) => <div className="panel panel-table"><RowsTable columns={columns} rows={entries} rowKey={({ name }) => name} /></div>}
      </ResourceView>
      {query.get("add") !== null && <ProviderDialog key="add" provider={null} onClose={close} />}
      {changed !== undefined && <ProviderDialog key={changed.name} provider={changed} onClose={close} />}
      {removed !== undefined && (
        <ConfirmDialog title={`Remove the provider ${removed.name}?`} action="Remove" onClose={close} work={() => call(apiPath`/api/gateway/providers/${removed.name}`, { method: "DELETE" }).then(refreshGateway)}>
          <p>Its settings and its secret are gone then. It is refused while a route has it as a target.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

/** Asks the provider for its models, and says beside the button what came of it. */
function TestButton({ name }: { name: string }) {
  const action = useAction();
  const [result, setResult] = useState<ProviderTest | null>(null);
  const test = (): void => {
    setResult(null);
    action.run(() => call<ProviderTest>(apiPath`/api/gateway/providers/${name}/test`, { method: "POST" }), setResult);
  };
  return (
    <>
      <button type="button" className="button button-small" aria-label={`Test ${name}`} disabled={action.busy} onClick={test}>{action.busy ? "Testing…" : "Test"}</button>
      <span role="status" className="provider-test">
        {result !== null && <Chip tone={result.ok ? "good" : "bad"} title={result.models.join(", ")}>{`${result.ok ? result.message : "does not answer"}${result.ms > 0 ? `, ${formatMs(result.ms)}` : ""}`}</Chip>}
        {result !== null && !result.ok && <span className="cell-note">{result.message}</span>}
        {action.error !== null && <ErrorBox error={action.error} />}
      </span>
    </>
  );
}
