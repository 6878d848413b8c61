import { Link } from "wouter";
import { formatCount, formatMs, formatShare } from "../../format.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { BreakerChip } from "./breaker-chip.tsx";
import { callSnippets } from "./call-snippets.ts";
import { useHealth, type RefusedOnRoute, type TargetHealth } from "./gateway-data.ts";
import { isUntraced, pastRoutes, tracesOfRefused } from "./refused-words.ts";

const columns: Column<TargetHealth>[] = [
  { label: "Target", kind: "name", cell: ({ provider, model }) => <code>{provider}/{model}</code> },
  { label: "Now", cell: (target) => <BreakerChip health={target} /> },
  { label: "First byte", kind: "number", cell: ({ ewmaMs }) => formatMs(ewmaMs) },
  { label: "Asked", kind: "number", cell: ({ calls }) => formatCount(calls) },
  { label: "Answered", kind: "number", cell: ({ answers }) => formatCount(answers) },
  { label: "Limited (429)", kind: "number", cell: ({ turnedAway }) => formatCount(turnedAway) },
  { label: "Errors", kind: "number", cell: ({ model, errors, calls }) => (errors === 0 ? "0" : <Link href={`/traces?status=error&model=${encodeURIComponent(model)}`} className="cell-bad" title={`Traces with failed calls of ${model}`}>{formatCount(errors)} ({formatShare(errors / Math.max(1, calls))})</Link>) },
  { label: "Failures in a row", kind: "number", cell: ({ failures }) => formatCount(failures) },
];

const refusedColumns: Column<RefusedOnRoute>[] = [
  { label: "Route", kind: "name", cell: ({ route, team }) => <>{route === pastRoutes ? "past all routes" : route}<span className="cell-note">{team}</span></> },
  { label: "Reason", cell: ({ reason }) => <code>{reason}</code> },
  { label: "Calls, 24 h", kind: "number", cell: ({ route, reason, calls }) => (isUntraced({ route, reason }) ? <>{formatCount(calls)}<span className="cell-note">these have no traces</span></> : <Link href={tracesOfRefused({ route, reason })} title="Their traces, as far as they are kept">{formatCount(calls)}</Link>) },
];

/** How targets answered this server since it started; a target that fails again and again is left alone for a while. */
export function HealthTab() {
  const health = useHealth();
  return (
    <>
      <p className="toolbar-note">How the targets answered this server since it started. One that fails again and again is left alone for a while, then tried with a single call; one whose provider limits the rate (429) is asked all the same. Other replicas judge for themselves.</p>
      <ResourceView resource={health} lines={4}>
        {({ targets, guardrails, refused }) => (
          <>
            {guardrails.map(({ route, guardrail, message }) => <p key={`${route} ${guardrail}`} className="cell-bad">The route {route} fails every call. {message}</p>)}
            {targets.length === 0
              ? <EmptyState title="Nothing was asked yet" command={callSnippets("echo/echo", location.origin)[0]!.code}><p>After its first call a target shows here with its breaker and how quickly it answers:</p></EmptyState>
              : <div className="panel panel-table"><RowsTable columns={columns} rows={targets} rowKey={({ provider, model }) => `${provider}/${model}`} /></div>}
            {refused.length > 0 && (
              <section className="health-refused" aria-label="Refused before a provider was asked">
                <h2>Refused before a provider was asked</h2>
                <p className="toolbar-note">By a budget, a limit or a guardrail, or because no target could be asked. They cost nothing and stand in no costs; this server counted them since its start, in this hour and the 23 before it.</p>
                <div className="panel panel-table"><RowsTable columns={refusedColumns} rows={refused} rowKey={({ team, route, reason }) => `${team} ${route} ${reason}`} /></div>
              </section>
            )}
          </>
        )}
      </ResourceView>
    </>
  );
}
