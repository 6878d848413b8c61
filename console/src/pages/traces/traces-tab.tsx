import { Link } from "wouter";
import { call } from "../../data/api.ts";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import { boundsOf } from "../../data/time-range.ts";
import type { TraceList, TraceSummary } from "../../data/types.ts";
import { absent, formatCount, formatMs, plural } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Pager } from "../../parts/pager.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { formatNano } from "../costs/money.ts";
import { NoTraces } from "./no-traces.tsx";
import { previewText } from "./preview-text.ts";
import { filterNames, readFilter } from "./trace-filter.ts";
import { TraceFilters, useTraceRange } from "./trace-filters.tsx";
import { tracePath } from "./trace-path.ts";
import { StatusMark } from "./status-mark.tsx";

const pageSize = 50;
/** How often the newest page is asked for again; less often where the server looks through spans for it. */
const [refreshMs, refreshSpansMs] = [2500, 15_000];

/** Traces by what the filter bar says, the newest first. */
export function TracesTab() {
  const query = useQuery();
  const range = useTraceRange();
  const { parameters, problems } = readFilter(query.get);
  const [order, before] = [query.get("order"), query.get("before")];
  const search = new URLSearchParams({ ...parameters, limit: String(pageSize) });
  if (order === "duration" || order === "cost") search.set("order", order);
  if (before !== null) search.set("after", before);
  // A range that moves with the clock is made new for each call, under one name.
  const load = (): Promise<TraceList> => {
    const bounds = range === null ? {} : boundsOf(range);
    return call(`/api/traces?${new URLSearchParams([...search, ...Object.entries(bounds).map(([name, value]) => [name, String(value)] as [string, string])])}`);
  };
  const name = range === null ? "" : range.kind === "preset" ? range.preset.id : `${range.from}-${range.to}`;
  const traces = useResource<TraceList>(`traces:${name}?${search}`, { load, ...(before === null ? { refreshMs: parameters.text === undefined && parameters.attributes === undefined ? refreshMs : refreshSpansMs } : {}) });
  const filtered = range !== null || filterNames.some((filter) => (query.get(filter) ?? "") !== "");
  return (
    <>
      <TraceFilters problems={problems} />
      <ResourceView resource={traces} lines={8}>
        {({ traces: found, next, searchedUntil }) => (
          <>
            {found.length > 0 && <div className="panel panel-table"><RowsTable columns={columnsFor(found)} rows={found} rowKey={({ traceId }) => traceId} className="table-aligned traces-table" /></div>}
            {found.length === 0 && searchedUntil === null && <NothingFound filtered={filtered} paged={before !== null} />}
            {searchedUntil !== null && next !== null && <SearchedUntil order={order} until={searchedUntil} found={found.length} on={query.href({ before: next })} />}
            <Pager older={searchedUntil === null ? next : null} />
          </>
        )}
      </ResourceView>
    </>
  );
}

/** A search that looks into spans ends after some of them; the reader says whether it goes on. */
function SearchedUntil({ order, until, found, on }: { order: string | null; until: number; found: number; on: string }) {
  const place = until < 0 ? `traces without a ${order}` : order === "duration" ? `those that took ${formatMs(until)}` : order === "cost" ? `those of ${formatNano(until)}` : <Time at={until} />;
  return <p className="searched-until" role="status">{found === 0 ? "Nothing found so far. " : ""}Searched back to {place}. <Link href={on} className="button">Go on</Link></p>;
}

function NothingFound({ filtered, paged }: { filtered: boolean; paged: boolean }) {
  if (paged) return <EmptyState title="That was the oldest one" />;
  if (filtered) return <EmptyState title="No trace matches" after={<Link href="/traces" className="button">Show all</Link>}><p>Widen the time range, or take a filter away.</p></EmptyState>;
  return <NoTraces />;
}

/** Bars of durations are drawn against the longest one of the page. */
function columnsFor(traces: readonly TraceSummary[]): Column<TraceSummary>[] {
  const longest = traces.reduce((most, { durationMs }) => Math.max(most, durationMs ?? 0), 0);
  return [
    {
      label: "Trace", kind: "name", className: "trace-name", title: ({ name, session }) => (session === null ? name : `${name}\nsession ${session}`),
      cell: (trace) => (
        <>
          <Link href={tracePath(trace)} className="row-link" aria-label={`Trace ${trace.name}`}><span className="two-lines">{trace.name}</span></Link>
          <span className="cell-note two-lines">{[trace.service, trace.models.filter((model) => !trace.name.includes(model)).join(", "), trace.session === null ? "" : `session ${trace.session}`].filter((word) => word !== null && word !== "").join(" · ")}</span>
        </>
      ),
    },
    {
      label: "In and out", className: "trace-preview",
      cell: ({ inputPreview, outputPreview }) => (
        <>
          <span className="preview-line">{inputPreview === null ? <span className="muted">{absent}</span> : previewText(inputPreview)}</span>
          {outputPreview !== null && <span className="preview-line muted"><span aria-label="answered">→</span> {previewText(outputPreview)}</span>}
        </>
      ),
    },
    { label: "Status", cell: (trace) => <StatusMark trace={trace} /> },
    { label: "Started", kind: "line", cell: ({ start }) => <Time at={start} /> },
    {
      label: "Took", kind: "number",
      cell: ({ durationMs }) => (
        <span className="took">
          {formatMs(durationMs)}
          <span className="took-track" aria-hidden="true"><span style={{ width: `${longest === 0 || durationMs === null ? 0 : (durationMs / longest) * 100}%` }} /></span>
        </span>
      ),
    },
    { label: "Spans", kind: "number", cell: ({ spans }) => formatCount(spans) },
    { label: "Tokens", kind: "number", title: ({ inputTokens, outputTokens }) => `${plural(inputTokens ?? 0, "token")} in, ${formatCount(outputTokens ?? 0)} out`, cell: tokenCell },
    { label: "Cost", kind: "number", cell: ({ cost, feedback }) => <>{formatNano(cost)}{feedback > 0 && <span className="cell-note"><Chip title={plural(feedback, "feedback", "feedbacks")}>{formatCount(feedback)} fb</Chip></span>}</> },
  ];
}

function tokenCell({ inputTokens, outputTokens }: TraceSummary): string {
  return inputTokens === null && outputTokens === null ? absent : formatCount((inputTokens ?? 0) + (outputTokens ?? 0));
}
