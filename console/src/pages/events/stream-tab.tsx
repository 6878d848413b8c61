import { Link } from "wouter";
import { useActorWords } from "../../data/key-names.ts";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import type { RecordedEvent } from "../../data/types.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { FilterInput } from "../../parts/filter-input.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Pager } from "../../parts/pager.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { eventTypes, objectHref, objectWords, payloadWords } from "./event-words.ts";

const pageSize = 50;

export function StreamTab() {
  const query = useQuery();
  const [type, object, before] = [query.get("type"), query.get("object"), query.get("before")];
  const filter = new URLSearchParams();
  if (type !== null) filter.set("type", type);
  if (object !== null) filter.set("object", object);
  const page = new URLSearchParams(filter);
  page.set("limit", String(pageSize));
  if (before !== null) page.set("before", before);
  const events = useResource<{ events: RecordedEvent[] }>(`/api/events?${page}`);
  filter.set("limit", "1");
  const newest = useResource<{ events: RecordedEvent[] }>(before === null ? `/api/events?${filter}` : null, { refreshMs: 3000 });
  const entries = events.data?.events ?? [];
  const newer = (newest.data?.events[0]?.sequence ?? 0) > (entries[0]?.sequence ?? 0);
  return (
    <>
      <div className="toolbar">
        <label className="select-label">
          Type
          <select className="input" value={type ?? ""} onChange={(event) => query.set({ type: event.target.value, before: null })}>
            <option value="">all</option>
            {eventTypes.map(({ pattern, types }) => (
              <optgroup key={pattern} label={pattern}>
                <option value={pattern}>{pattern} (all)</option>
                {types.map((name) => <option key={name}>{name}</option>)}
              </optgroup>
            ))}
          </select>
        </label>
        <FilterInput label="Filter by object" placeholder="object, such as model:NAME" value={object ?? ""} onChange={(value) => query.set({ object: value, before: null })} />
        {before === null && <button type="button" className={newer ? "button button-accent" : "button"} disabled={events.pending} onClick={events.reload}><Icon name="reload" /> {newer ? "Show newer" : "Reload"}</button>}
      </div>
      <ResourceView resource={events} lines={10}>
        {() => (entries.length === 0 ? <NoEvents filtered={type !== null || object !== null} paged={before !== null} /> : <div className="panel panel-table"><RowsTable columns={columns} rows={entries} rowKey={({ sequence }) => sequence} className="table-aligned events-table" /></div>)}
      </ResourceView>
      <Pager older={entries.length === pageSize ? entries.at(-1)!.sequence : null} />
    </>
  );
}

const columns: readonly Column<RecordedEvent>[] = [
  { label: "Time", kind: "line", cell: ({ time }) => <Time at={time} /> },
  { label: "Type", kind: "name", cell: ({ id, type }) => <code className="event-type" title={id}>{type}</code> },
  { label: "Object", cell: ({ object, payload }) => <EventObject object={object} href={objectHref(object, payload)} /> },
  { label: "What", className: "event-payload", title: payloadWords, cell: (event) => payloadWords(event) || <span className="muted">–</span> },
  { label: "Actor", cell: ({ actor }) => <ActorName actor={actor} /> },
  { label: "Team", cell: ({ team }) => team },
];

function EventObject({ object, href }: { object: string; href: string | null }) {
  const words = objectWords(object, useActorWords([object]));
  const title = words === object ? undefined : object;
  return href === null ? words : <Link href={href} title={title}>{words}</Link>;
}

function NoEvents({ filtered, paged }: { filtered: boolean; paged: boolean }) {
  if (paged) return <EmptyState title="That was the oldest one" />;
  if (filtered) return <EmptyState title="No event matches"><p>Choose another type, or clear the object.</p></EmptyState>;
  return (
    <EmptyState title="No events yet" command="npx slipway deploy model.onnx --name my-model">
      <p>Whenever a model, a run, a key or a team changes, that is written here in the same transaction, and sent to <Link href="/events/webhooks">webhooks</Link>. Make something happen:</p>
    </EmptyState>
  );
}
