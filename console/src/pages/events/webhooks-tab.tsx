import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import type { SubscriberStatus, WebhookStatus } from "../../data/types.ts";
import { useWebhooks } from "../../data/webhooks.ts";
import { formatCount } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Time } from "../../parts/time.tsx";
import { DeliveryChip } from "./delivery-chip.tsx";
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
            {entries.length === 0 ? <NoWebhooks /> : <WebhooksTable webhooks={entries} />}
            {subscribers.length > 0 && <Subscribers subscribers={subscribers} />}
          </>
        )}
      </ResourceView>
      {query.get("create") !== null && <CreateWebhookDialog onClose={() => query.set({ create: null }, { replace: true })} />}
    </>
  );
}

function WebhooksTable({ webhooks }: { webhooks: readonly WebhookStatus[] }) {
  return (
    <div className="panel panel-table">
      <table className="table table-cards table-aligned">
        <thead>
          <tr><th scope="col">Webhook</th><th scope="col">Events</th><th scope="col">State</th><th scope="col" className="numeric">Pending</th><th scope="col" className="numeric">Dead</th><th scope="col">Last delivery</th></tr>
        </thead>
        <tbody>
          {webhooks.map((webhook) => (
            <tr key={webhook.id}>
              <th scope="row">
                <Link href={`/events/webhooks/${webhook.id}`} className="row-link">{webhook.name}</Link>
                <span className="cell-note">{webhook.url}</span>
              </th>
              <td data-label="Events">{webhook.types.join(", ")}<span className="cell-note">{webhook.team === "*" ? "of all teams" : `of the team ${webhook.team}`}</span></td>
              <td data-label="State">{webhook.pausedAt === null ? <Chip tone="good">active</Chip> : <Chip tone="warning">paused</Chip>}</td>
              <td data-label="Pending" className="numeric">{formatCount(webhook.pending)}</td>
              <td data-label="Dead" className="numeric">{webhook.dead > 0 ? <Chip tone="bad">{formatCount(webhook.dead)}</Chip> : 0}</td>
              <td data-label="Last delivery"><LastDelivery last={webhook.lastDelivery} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function LastDelivery({ last }: { last: WebhookStatus["lastDelivery"] }) {
  if (last === null) return <span className="muted">none yet</span>;
  return <span className="cell-line"><DeliveryChip state={last.state} status={last.status} /> <Time at={last.time} relative /></span>;
}

/** Parts of the server that follow events in the same way; their deliveries can fail too. */
function Subscribers({ subscribers }: { subscribers: readonly SubscriberStatus[] }) {
  return (
    <Panel title="The server's own" note="parts of the server that follow events" flush>
      <table className="table table-cards table-aligned">
        <thead><tr><th scope="col">Part</th><th scope="col">Events</th><th scope="col" className="numeric">Pending</th><th scope="col" className="numeric">Dead</th><th scope="col">Last delivery</th></tr></thead>
        <tbody>
          {subscribers.map((subscriber) => (
            <tr key={subscriber.id}>
              <th scope="row"><Link href={`/events/webhooks/${encodeURIComponent(subscriber.id)}`} className="row-link">{subscriber.name}</Link></th>
              <td data-label="Events">{subscriber.types.join(", ")}</td>
              <td data-label="Pending" className="numeric">{formatCount(subscriber.pending)}</td>
              <td data-label="Dead" className="numeric">{subscriber.dead > 0 ? <Chip tone="bad">{formatCount(subscriber.dead)}</Chip> : 0}</td>
              <td data-label="Last delivery"><LastDelivery last={subscriber.lastDelivery} /></td>
            </tr>
          ))}
        </tbody>
      </table>
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
