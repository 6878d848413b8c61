import { useMemo } from "react";
import { Link } from "wouter";
import { now } from "../../clock.ts";
import { apiPath, call } from "../../data/api.ts";
import { useNavigateFromHere, useQuery } from "../../data/query.ts";
import { invalidate, useResource } from "../../data/resource.ts";
import { useRights } from "../../data/session.ts";
import type { TraceView } from "../../data/types.ts";
import { absent, formatCount, formatMs, plural } from "../../format.ts";
import { BackLink } from "../../parts/back-link.tsx";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { IdText } from "../../parts/copy.tsx";
import { KeyFigure, KeyFigures } from "../../parts/key-figure.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Time } from "../../parts/time.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { formatNano } from "../costs/money.ts";
import { DatasetDialog } from "./dataset-dialog.tsx";
import { FeedbackPanel } from "./feedback-panel.tsx";
import { SpanPanel } from "./span-panel.tsx";
import { buildSpanTree } from "./span-tree.ts";
import { StatusMark } from "./status-mark.tsx";
import type { TraceName } from "./trace-path.ts";
import { useLedgerEntries } from "./use-ledger-entries.ts";
import { Waterfall } from "./waterfall.tsx";

/** A trace is asked for again while it goes on, and so long after it began: spans come late. */
const refreshMs = 2500;
const settledAfterMs = 600_000;

/** One trace: where its time went, what was said in it, what it cost, and what is thought of it. */
export function TracePage({ params }: { params: { trace: string } }) {
  const team = useQuery().get("team");
  const path = team === null ? apiPath`/api/traces/${params.trace}` : apiPath`/api/traces/${params.trace}?team=${team}`;
  const view = useResource<TraceView>(path);
  const trace = view.data?.trace;
  useResource<TraceView>(path, trace !== undefined && trace.status !== "running" && now() - trace.start > settledAfterMs ? {} : { refreshMs });
  usePageTitle(view.data === undefined ? "Trace" : `${view.data.trace.name} › trace`);
  return (
    <div className="page">
      <ResourceView resource={view} lines={12}>
        {(data) => <Trace key={data.trace.traceId} view={data} />}
      </ResourceView>
    </div>
  );
}

function Trace({ view }: { view: TraceView }) {
  const { trace, spans, feedback, moreSpans } = view;
  const query = useQuery();
  const may = useRights().somewhere("contributor");
  const tree = useMemo(() => buildSpanTree(spans), [spans]);
  const entries = useLedgerEntries(trace);
  const chosen = tree.byId.get(query.get("span") ?? "") ?? tree.roots[0];
  const marked = useMemo(() => new Set(feedback.flatMap(({ spanId }) => (spanId === null ? [] : [spanId]))), [feedback]);
  return (
    <>
      <header className="page-header">
        <nav aria-label="Breadcrumb" className="breadcrumb">
          <BackLink href="/traces">Traces</BackLink>
          {trace.session !== null && <Link href={`/traces?tab=sessions&of=${encodeURIComponent(trace.session)}`}>Session {trace.session}</Link>}
        </nav>
        <h1>{trace.name}</h1>
        <StatusMark trace={trace} />
        {may && (
          <span className="header-actions cell-line">
            <button type="button" className="button" onClick={() => query.set({ remove: "1" })}>Remove</button>
            <button type="button" className="button button-primary" onClick={() => query.set({ dataset: "1" })}>Add to dataset</button>
          </span>
        )}
        <p className="page-description small trace-facts">
          <IdText id={trace.traceId} what="trace id" /> <Time at={trace.start} /> <span>{[trace.service, `team ${trace.team}`, trace.user === null ? null : `user ${trace.user}`, ...Object.entries(trace.tags).map(([key, value]) => `${key}=${value}`)].filter((word) => word !== null).join(" · ")}</span>
        </p>
      </header>
      <KeyFigures label="Trace">
        <KeyFigure label="Took" value={formatMs(trace.durationMs)} note={trace.status === "running" ? "goes on" : ""} />
        <KeyFigure label="Spans" value={formatCount(trace.spans)} note={trace.errors === 0 ? "none failed" : `${formatCount(trace.errors)} failed`} tone={trace.errors > 0 ? "bad" : undefined} />
        <KeyFigure label="Tokens in" value={trace.inputTokens === null ? absent : formatCount(trace.inputTokens)} />
        <KeyFigure label="Tokens out" value={trace.outputTokens === null ? absent : formatCount(trace.outputTokens)} />
        <KeyFigure label="Cost" value={formatNano(trace.cost)} note={entries.length > 0 ? `${plural(entries.length, "call")} in the ledger` : ""} />
        <KeyFigure label="Models" value={formatCount(trace.models.length)} note={<span title={trace.models.join(", ")}>{trace.models.join(", ")}</span>} />
      </KeyFigures>
      {moreSpans && <p className="stale" role="status">It has more spans than are shown: these are the first {formatCount(spans.length)}.</p>}
      <div className="trace-columns">
        <Panel title="Spans" note="hatched: the time of its children; underlined: the critical path" flush>
          <Waterfall tree={tree} chosen={chosen?.span.spanId ?? null} marked={marked} onChoose={(span) => query.set({ span }, { replace: true })} />
        </Panel>
        <div className="column">
          {chosen !== undefined && <SpanPanel key={chosen.span.spanId} node={chosen} entries={entries} />}
          <FeedbackPanel trace={trace} span={chosen?.span ?? null} feedback={feedback} spans={tree.byId} />
        </div>
      </div>
      {query.get("dataset") !== null && <DatasetDialog trace={trace} onClose={() => query.set({ dataset: null }, { replace: true })} />}
      {query.get("remove") !== null && <RemoveDialog trace={trace} onClose={() => query.set({ remove: null }, { replace: true })} />}
    </>
  );
}

function RemoveDialog({ trace, onClose }: { trace: TraceName; onClose: () => void }) {
  const navigate = useNavigateFromHere();
  const done = (): void => {
    invalidate((key) => key.startsWith("traces:") || key.startsWith("/api/sessions"));
    navigate("/traces");
  };
  return (
    <ConfirmDialog title="Remove this trace?" action="Remove the trace" onClose={onClose} onDone={done} work={() => call(apiPath`/api/traces/${trace.traceId}?team=${trace.team}`, { method: "DELETE" })}>
      <p>Its spans and its feedback go with it. What its calls cost stays in the ledger.</p>
    </ConfirmDialog>
  );
}
