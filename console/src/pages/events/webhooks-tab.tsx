import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import type { SubscriberStatus, WebhookStatus } from "../../data/types.ts";
import { useWebhooks } from "../../data/webhooks.ts";
import { formatCount } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { DeliveryChip } from "./delivery-chip.tsx";
import { FormatChip } from "./webhook-format.tsx";
import { CreateWebhookDialog } from "./webhook-dialogs.tsx";

export function WebhooksTab() {
  const webhooks = useWebhooks();
  const query = useQuery();
  return (
    <>
      <div className="toolbar">
        <span className="toolbar-note">Each event is sent until it is taken: signed, retried for days, in order for each object.</span>
        <span className="toolbar-end"><button type="button" className="button button-primary" onClick={() => query.set({ create: "1" })}>Add a webhook</button></span>
      </div>
      <ResourceView resource={webhooks} lines={5}>
        {({ webhooks: entries, subscribers }) => (
          <>
            {entries.length === 0 ? <NoWebhooks /> : <div className="panel panel-table"><RowsTable columns={webhookColumns} rows={entries} rowKey={({ id }) => id} /></div>}
            {subscribers.length > 0 && <Subscribers subscribers={subscribers} />}
          </>
        )}
      </ResourceView>
      {query.get("create") !== null && <CreateWebhookDialog onClose={() => query.set({ create: null }, { replace: true })} />}
    </>
  );
}

/** So many types are named in a list. */
const namedTypes = 3;

function typesWords(types: readonly string[]): string {
  return types.length <= namedTypes + 1 ? types.join(", ") : `${types.slice(0, namedTypes).join(", ")} and ${types.length - namedTypes} more`;
}

const deliveryColumns: readonly Column<WebhookStatus | SubscriberStatus>[] = [
  { label: "Pending", kind: "number", cell: ({ pending }) => formatCount(pending) },
  { label: "Dead", kind: "number", cell: ({ dead }) => (dead > 0 ? <Chip tone="bad">{formatCount(dead)}</Chip> : 0) },
  { label: "Last delivery", cell: ({ lastDelivery }) => <LastDelivery last={lastDelivery} /> },
];

const webhookColumns: readonly Column<WebhookStatus>[] = [
  {
    label: "Webhook", kind: "name",
    cell: (webhook) => (
      <>
        <Link href={`/events/webhooks/${webhook.id}`} className="row-link">{webhook.name}</Link>
        {webhook.description !== "" && <span className="cell-note">{webhook.description}</span>}
        <span className="cell-note">{webhook.url}</span>
      </>
    ),
  },
  { label: "Events", title: ({ types }) => types.join(", "), cell: ({ types, team }) => <>{typesWords(types)}<span className="cell-note">{team === "*" ? "of all teams" : `of the team ${team}`}</span></> },
  { label: "Format", cell: ({ format }) => <FormatChip format={format} /> },
  { label: "State", cell: ({ pausedAt }) => (pausedAt === null ? <Chip tone="good">active</Chip> : <Chip tone="warning">paused</Chip>) },
  ...deliveryColumns,
];

const subscriberColumns: readonly Column<SubscriberStatus>[] = [
  { label: "Part", kind: "name", cell: ({ id, name }) => <Link href={`/events/webhooks/${encodeURIComponent(id)}`} className="row-link">{name}</Link> },
  { label: "Events", cell: ({ types }) => types.join(", ") },
  ...deliveryColumns,
];

function LastDelivery({ last }: { last: WebhookStatus["lastDelivery"] }) {
  if (last === null) return <span className="muted">none yet</span>;
  return <span className="cell-line"><DeliveryChip state={last.state} status={last.status} /> <Time at={last.time} relative /></span>;
}

/** Parts of the server that follow events in the same way; their deliveries can fail too. */
function Subscribers({ subscribers }: { subscribers: readonly SubscriberStatus[] }) {
  return (
    <Panel title="The server's own" note="parts of the server that follow events" flush>
      <RowsTable columns={subscriberColumns} rows={subscribers} rowKey={({ id }) => id} />
    </Panel>
  );
}

function NoWebhooks() {
  return (
    <EmptyState title="No webhooks yet" command='npx slipway webhooks create chat https://example.com/hooks/slipway --types "model.*,workflow.run.failed"'>
      <p>A webhook tells another system what happens here: a chat, a pipeline, an incident tool. Every event that happens after it was added is sent, signed by the rules of Standard Webhooks.</p>
    </EmptyState>
  );
}
