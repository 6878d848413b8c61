import { Link } from "wouter";
import { apiPath } from "../../data/api.ts";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import type { TraceSummary, TraceView } from "../../data/types.ts";
import { formatCount, formatMs, plural } from "../../format.ts";
import { BackLink } from "../../parts/back-link.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { KeyFigure, KeyFigures } from "../../parts/key-figure.tsx";
import { ResourceView, Skeleton } from "../../parts/resource-view.tsx";
import { Time } from "../../parts/time.tsx";
import { formatNano } from "../costs/money.ts";
import { failureOfTurn, turnOf } from "./message-parts.ts";
import { MessagesView } from "./messages-view.tsx";
import { StatusMark } from "./status-mark.tsx";
import { tracePath } from "./trace-path.ts";

/** So many turns are read at once: each asks for its whole trace. */
const turnsAtOnce = 20;

/** A session as a conversation: what each of its traces adds, in the order in which they began. */
export function SessionView({ session }: { session: string }) {
  const query = useQuery();
  const before = query.get("before");
  const search = new URLSearchParams({ session, limit: String(turnsAtOnce) });
  if (before !== null) search.set("after", before);
  const traces = useResource<{ traces: TraceSummary[]; next: string | null }>(`/api/traces?${search}`, before === null ? { refreshMs: 4000 } : {});
  return (
    <>
      <header className="page-header">
        <nav aria-label="Breadcrumb" className="breadcrumb"><BackLink href="/traces?tab=sessions">Sessions</BackLink></nav>
        <h2 className="session-title">{session}</h2>
        <span className="header-actions"><Link href={`/traces?session=${encodeURIComponent(session)}`} className="button">As a list of traces</Link></span>
      </header>
      <ResourceView resource={traces} lines={10}>
        {({ traces: found, next }) => (found.length === 0 ? <EmptyState title="This session has no traces" /> : (
          <>
            <SessionFigures traces={found} whole={before === null && next === null} />
            {next !== null && <p><Link href={query.href({ before: next })} className="button">Earlier turns</Link></p>}
            <ol className="turns">
              {found.toReversed().map((trace) => <SessionTurn key={trace.traceId} trace={trace} />)}
            </ol>
            {before !== null && <p><Link href={query.href({ before: null })} className="button">Latest turns</Link></p>}
          </>
        ))}
      </ResourceView>
    </>
  );
}

function SessionFigures({ traces, whole }: { traces: readonly TraceSummary[]; whole: boolean }) {
  const sum = (of: (trace: TraceSummary) => number | null): number => traces.reduce((total, trace) => total + (of(trace) ?? 0), 0);
  const errors = traces.filter((trace) => trace.errors > 0).length;
  return (
    <KeyFigures label="Session">
      <KeyFigure label={whole ? "Turns" : "Turns shown"} value={formatCount(traces.length)} note={traces.find(({ user }) => user !== null)?.user ?? ""} />
      <KeyFigure label="Failed" value={formatCount(errors)} tone={errors > 0 ? "bad" : undefined} note="turns" />
      <KeyFigure label="Worked" value={formatMs(sum(({ durationMs }) => durationMs))} note="in all" />
      <KeyFigure label="Tokens" value={formatCount(sum(({ inputTokens, outputTokens }) => (inputTokens ?? 0) + (outputTokens ?? 0)))} note={`${formatCount(sum(({ outputTokens }) => outputTokens))} out`} />
      <KeyFigure label="Cost" value={traces.every(({ cost }) => cost === null) ? formatNano(null) : formatNano(sum(({ cost }) => cost))} />
    </KeyFigures>
  );
}

function SessionTurn({ trace }: { trace: TraceSummary }) {
  // A trace that goes on is asked for again.
  const view = useResource<TraceView>(apiPath`/api/traces/${trace.traceId}?team=${trace.team}`, trace.status === "running" ? { refreshMs: 4000 } : {});
  const turn = view.data === undefined ? null : turnOf(view.data.spans);
  const failure = view.data === undefined ? null : failureOfTurn(view.data.spans);
  return (
    <li className="panel turn">
      <div className="turn-head">
        <Link href={tracePath(trace)}>{trace.name}</Link>
        <StatusMark trace={trace} />
        <span className="muted small">{formatMs(trace.durationMs)} · {plural(trace.spans, "span")} · {formatNano(trace.cost)} · <Time at={trace.start} /></span>
      </div>
      {turn !== null ? <MessagesView messages={[...turn.asked, ...turn.answered]} /> : view.data === undefined && view.error === undefined ? <Skeleton lines={2} /> : (
        <p className="muted">{trace.inputPreview ?? "It tells no messages."}{trace.outputPreview !== null && <> → {trace.outputPreview}</>}</p>
      )}
      {failure !== null && <p className="span-error"><strong>Failed</strong>: {failure}</p>}
    </li>
  );
}
