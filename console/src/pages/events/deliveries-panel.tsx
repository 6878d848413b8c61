import { now } from "../../clock.ts";
import { apiPath, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { useQuery } from "../../data/query.ts";
import { invalidate, useResource } from "../../data/resource.ts";
import type { Delivery } from "../../data/types.ts";
import { formatAge, formatCount, plural } from "../../format.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Pager } from "../../parts/pager.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { Time } from "../../parts/time.tsx";
import { DeliveryChip } from "./delivery-chip.tsx";

const pageSize = 50;
const states = [{ id: "", label: "All" }, { id: "pending", label: "Pending" }, { id: "delivered", label: "Delivered" }, { id: "dead", label: "Dead" }];

/** Every delivery to one receiver, newest event first, and the way to send one again. */
export function DeliveriesPanel({ receiver, dead, paused, isWebhook }: { receiver: string; dead: number; paused: boolean; isWebhook: boolean }) {
  const query = useQuery();
  const [state, before] = [query.get("state"), query.get("before")];
  const parameters = new URLSearchParams({ limit: String(pageSize) });
  if (state !== null) parameters.set("state", state);
  if (before !== null) parameters.set("before", before);
  const base = apiPath`/api/webhooks/${receiver}`;
  // Not while somebody is about to remove it: what is gone in a moment is not asked for.
  const refreshing = query.get("remove") === null ? { refreshMs: 2500 } : {};
  const deliveries = useResource<{ deliveries: Delivery[] }>(`${base}/deliveries?${parameters}`, refreshing);
  const action = useAction();
  const refresh = (): void => invalidate((key) => key.startsWith("/api/webhooks"));
  const redeliver = (path: string): void => action.run(() => call(`${base}/${path}`, { method: "POST" }), refresh);
  const entries = deliveries.data?.deliveries ?? [];
  const columns: Column<Delivery>[] = [
    { label: "#", kind: "number", cell: ({ sequence }) => sequence },
    { label: "Event", kind: "name", cell: ({ eventId, type, object }) => <><code className="event-type" title={eventId}>{type}</code><span className="cell-note">{object}</span></> },
    { label: "State", cell: ({ state: is, lastStatus }) => <DeliveryChip state={is} status={lastStatus} /> },
    { label: "Attempts", kind: "number", cell: ({ attempts }) => attempts },
    { label: "Last error", className: "delivery-error", cell: ({ lastError }) => lastError ?? <span className="muted">none</span> },
    { label: "When", kind: "line", cell: (delivery) => <When delivery={delivery} paused={paused} /> },
    {
      label: "Actions", kind: "actions",
      cell: ({ state: is, sequence }) => is !== "pending" && <button type="button" className="button button-small" disabled={action.busy} aria-label={`Deliver ${sequence} again`} onClick={() => redeliver(`deliveries/${sequence}/redeliver`)}>Deliver again</button>,
    },
  ];
  return (
    <>
      <div className="toolbar">
        <Segmented label="Deliveries" value={state ?? ""} options={states} onChange={(id) => query.set({ state: id, before: null })} />
        {paused && <span className="toolbar-note">Paused: events are kept, and sent when it goes on.</span>}
        {dead > 0 && <span className="toolbar-end"><button type="button" className="button" disabled={action.busy} onClick={() => redeliver("redeliver-dead")}>Deliver all {formatCount(dead)} dead again</button></span>}
      </div>
      {action.error !== null && <ErrorBox error={action.error} />}
      <ResourceView resource={deliveries} lines={6}>
        {() =>
          entries.length === 0 ? <NoDeliveries filtered={state !== null} paged={before !== null} isWebhook={isWebhook} /> : (
            <div className="panel panel-table">
              <RowsTable columns={columns} rows={entries} rowKey={({ sequence }) => sequence} className="table-aligned deliveries-table" />
            </div>
          )
        }
      </ResourceView>
      <Pager older={entries.length === pageSize ? entries.at(-1)!.sequence : null} />
    </>
  );
}

function When({ delivery, paused }: { delivery: Delivery; paused: boolean }) {
  if (delivery.endedAt !== null) return <Time at={delivery.endedAt} />;
  if (delivery.nextAttemptAt === null) return <span className="muted" title="An earlier event of the same object goes first">after an earlier one</span>;
  if (paused) return <span className="muted">when it goes on</span>;
  const wait = delivery.nextAttemptAt - now();
  return <span title={plural(delivery.attempts, "attempt")}>{wait <= 0 ? "now" : `next in ${formatAge(wait)}`}</span>;
}

function NoDeliveries({ filtered, paged, isWebhook }: { filtered: boolean; paged: boolean; isWebhook: boolean }) {
  if (paged) return <EmptyState title="That was the oldest one" />;
  if (filtered) return <EmptyState title="No delivery is in this state" />;
  return <EmptyState title="No deliveries yet">{isWebhook ? <p>Send a test with the button above, or wait for the first event.</p> : <p>Nothing has happened yet that this part of the server follows.</p>}</EmptyState>;
}
