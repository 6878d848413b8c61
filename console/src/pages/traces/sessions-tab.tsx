import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import type { TraceSession } from "../../data/types.ts";
import { absent, formatCount, formatMs } from "../../format.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { FilterInput } from "../../parts/filter-input.tsx";
import { Pager } from "../../parts/pager.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { formatNano } from "../costs/money.ts";

const pageSize = 50;

/** Sessions, the last active first. */
export function SessionsTab() {
  const query = useQuery();
  const [user, before] = [query.get("user"), query.get("before")];
  const search = new URLSearchParams({ limit: String(pageSize) });
  if (user !== null) search.set("user", user);
  if (before !== null) search.set("after", before);
  const sessions = useResource<{ sessions: TraceSession[]; next: string | null }>(`/api/sessions?${search}`, before === null ? { refreshMs: 4000 } : {});
  return (
    <>
      <div className="toolbar">
        <FilterInput label="User" placeholder="Only of this user" value={user ?? ""} onChange={(value) => query.set({ user: value, before: null })} />
      </div>
      <ResourceView resource={sessions} lines={6}>
        {({ sessions: found, next }) => (
          <>
            {found.length === 0 ? <NoSessions filtered={user !== null || before !== null} /> : (
              <div className="panel panel-table"><RowsTable columns={columns} rows={found} rowKey={({ team, session }) => `${team}/${session}`} /></div>
            )}
            <Pager older={next} />
          </>
        )}
      </ResourceView>
    </>
  );
}

const columns: readonly Column<TraceSession>[] = [
  { label: "Session", kind: "name", cell: ({ session }) => <Link href={`/traces?tab=sessions&of=${encodeURIComponent(session)}`} className="row-link" aria-label={`Session ${session}`}>{session}</Link> },
  { label: "User", cell: ({ user }) => user ?? absent },
  { label: "Traces", kind: "number", cell: ({ traces }) => formatCount(traces) },
  { label: "Failed", kind: "number", cell: ({ errors }) => (errors === 0 ? "0" : <span className="cell-bad">{formatCount(errors)}</span>) },
  { label: "Began", kind: "line", cell: ({ start }) => <Time at={start} /> },
  { label: "Lasted", kind: "number", cell: ({ start, end }) => formatMs(end - start) },
  { label: "Tokens", kind: "number", cell: ({ inputTokens, outputTokens }) => (inputTokens === null && outputTokens === null ? absent : formatCount((inputTokens ?? 0) + (outputTokens ?? 0))) },
  { label: "Cost", kind: "number", cell: ({ cost }) => formatNano(cost) },
];

function NoSessions({ filtered }: { filtered: boolean }) {
  if (filtered) return <EmptyState title="No session matches" after={<Link href="/traces?tab=sessions" className="button">Show all</Link>} />;
  return (
    <EmptyState title="No sessions yet" command={'span.set_attribute("session.id", "chat-42")\nspan.set_attribute("user.id", "ann")'}>
      <p>Traces that name the same session stand together as one conversation. Name it on the root span; gen_ai.conversation.id counts too.</p>
    </EmptyState>
  );
}
