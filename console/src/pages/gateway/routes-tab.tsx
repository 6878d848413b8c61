import { useMemo } from "react";
import { Link } from "wouter";
import { apiPath, call } from "../../data/api.ts";
import { useQuery } from "../../data/query.ts";
import { useRollouts } from "../../data/rollouts.ts";
import { useRights } from "../../data/session.ts";
import { absent, formatCount, formatMs, formatShare, plural } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { CodeBlock } from "../../parts/copy.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { KeyFigure, KeyFigures } from "../../parts/key-figure.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { formatNano, spendWords } from "../costs/money.ts";
import { RolloutMark } from "../rollouts/rollout-mark.tsx";
import { BreakerChip } from "./breaker-chip.tsx";
import { callsByRoute, type CallsTold } from "./cache-savings.ts";
import { callSnippets } from "./call-snippets.ts";
import { refreshGateway, useDayOfRoutes, useGatewayRoutes, useHealth, type GatewayRoute, type RefusedOnRoute, type TargetHealth } from "./gateway-data.ts";
import { limitsLine, placeWords, routeMarks, savedMoney, savingsTitle, savingsWords } from "./gateway-words.ts";
import { refusedCount, refusedWords, tracesOfRefused } from "./refused-words.ts";
import { RevisionsDialog } from "./revisions-dialog.tsx";
import { RouteDialog } from "./route-dialog.tsx";
import { sharesOf } from "./route-form.ts";

/** From here on the reader is offered a filter. */
const manyRoutes = 8;

/** Whether every word stands in the name, the team or a target. */
function matches({ name, team, settings }: GatewayRoute, words: string): boolean {
  const text = [name, team, ...settings.targets.map(({ provider, model }) => `${provider}/${model}`)].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** The names that callers use, what stands behind each, and how the last day went. */
export function RoutesTab() {
  const routes = useGatewayRoutes();
  const query = useQuery();
  const rights = useRights();
  const close = (): void => query.set({ add: null, change: null, revisions: null, remove: null }, { replace: true });
  const named = (parameter: string): GatewayRoute | undefined => routes.data?.routes.find(({ name }) => name === query.get(parameter));
  const [changed, removed] = [named("change"), named("remove")];
  const revisions = query.get("revisions");
  const mayChange = rights.somewhere("deployer");
  return (
    <>
      <div className="toolbar">
        {(query.get("q") !== null || (routes.data?.routes.length ?? 0) > manyRoutes) && <input type="search" className="input" aria-label="Filter routes" placeholder="Filter by name, team or target" spellCheck={false} autoComplete="off" value={query.get("q") ?? ""} onChange={(event) => query.set({ q: event.target.value }, { replace: true })} />}
        <span className="toolbar-note">A route is a model name of your own: its targets, fallbacks, limits and budget.</span>
        <span className="toolbar-end">{mayChange && <button type="button" className="button button-primary" onClick={() => query.set({ add: "1" })}>Add a route</button>}</span>
      </div>
      <ResourceView resource={routes} lines={6}>
        {({ routes: entries }) => {
          const shown = entries.filter((route) => matches(route, query.get("q") ?? ""));
          if (entries.length === 0) return <NoRoutes />;
          if (shown.length === 0) return <EmptyState title="No route matches" after={<button type="button" className="button" onClick={() => query.set({ q: null })}>Show all</button>} />;
          return <><DayFigures /><RoutesTable routes={shown} mayChange={mayChange} /></>;
        }}
      </ResourceView>
      {query.get("add") !== null && <RouteDialog key="add" route={null} onClose={close} />}
      {changed !== undefined && <RouteDialog key={changed.name} route={changed} onClose={close} />}
      {revisions !== null && <RevisionsDialog name={revisions} mayChange={mayChange} onClose={close} />}
      {removed !== undefined && (
        <ConfirmDialog title={`Remove the route ${removed.name}?`} action="Remove" onClose={close} work={() => call(apiPath`/api/gateway/routes/${removed.name}`, { method: "DELETE" }).then(refreshGateway)}>
          <p>Callers that name <code>{removed.name}</code> get 404 from now on. What it cost, and its revisions, stay.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function useDay(): ReturnType<typeof callsByRoute> | undefined {
  const rows = useDayOfRoutes().data?.rows;
  return useMemo(() => (rows === undefined ? undefined : callsByRoute(rows)), [rows]);
}

/** All that went through the gateway, calls past routes too; its room is kept until it is known. */
function DayFigures() {
  const all = useDay()?.all;
  const refused = useHealth().data?.refused ?? [];
  const failedWords = `${formatCount(all?.failed)} failed${refused.length === 0 ? "" : `, ${formatCount(refusedCount(refused))} refused`}`;
  return (
    <KeyFigures label="The last 24 hours">
      <KeyFigure label="Calls, 24 h" value={formatCount(all?.calls)} note={all === undefined ? "\u00a0" : <span title={refused.length === 0 ? undefined : refusedTitle(refused)}>{failedWords}</span>} tone={(all?.failed ?? 0) > 0 ? "bad" : undefined} />
      <KeyFigure label="Spend, 24 h" value={all === undefined ? absent : spendWords(all)} note={(all?.unpriced ?? 0) > 0 ? `${formatCount(all!.unpriced)} without a price` : "\u00a0"} tone={(all?.unpriced ?? 0) > 0 ? "warning" : undefined} />
      <KeyFigure label="From the cache" value={formatCount(all?.cached)} note={all === undefined || all.calls === 0 ? "\u00a0" : `${formatShare(all.cached / all.calls)} of calls`} />
      <KeyFigure label="Saved by it" value={<span title={all && savingsTitle(all.saved)}>{all === undefined ? absent : savedMoney(all.saved)}</span>} note={all === undefined ? "\u00a0" : plural(all.saved.tokens, "token")} />
    </KeyFigures>
  );
}

/** The ledger has what a provider was asked: these stand beside its calls. */
function refusedTitle(refused: readonly RefusedOnRoute[]): string {
  return `Not among the calls: ended before a provider was asked, as this server counted them. ${refusedWords(refused)}`;
}

/** What hits saved stands here too where the cache was on and is off by now. */
function CacheHits({ told, isOn, share }: { told: CallsTold | undefined; isOn: boolean; share: string }) {
  if (!isOn && (told?.cached ?? 0) === 0) return <span className="muted">off</span>;
  return <><span>{share}</span>{told !== undefined && told.cached > 0 && <span className="cell-note" title={savingsTitle(told.saved)}>{savingsWords(told.saved)}</span>}</>;
}

function RoutesTable({ routes, mayChange }: { routes: readonly GatewayRoute[]; mayChange: boolean }) {
  const query = useQuery();
  const { targets: health = [], guardrails: troubles = [], refused = [] } = useHealth().data ?? {};
  const open = useRollouts({ open: true, limit: 200 }).data?.rollouts ?? [];
  const day = useDay();
  const dayOf = (name: string): CallsTold | undefined => day?.routes.get(name);
  // A route that was not called is told from one whose figures are not there yet.
  const figure = (name: string, read: (told: CallsTold) => string, none: string): string => (day === undefined ? "" : dayOf(name) === undefined ? none : read(dayOf(name)!));
  const columns: Column<GatewayRoute>[] = [
    {
      label: "Route", kind: "name", className: "route-name",
      cell: ({ name, team, settings }) => (
        <>
          <Link href={`/gateway/playground?a=${encodeURIComponent(name)}`}>{name}</Link>
          {open.filter(({ model }) => model === `route:${name}`).map((rollout) => (
            <span key={rollout.id} className="cell-note"><Link href={`/rollouts/${rollout.id}`}>{rollout.kind === "ab-test" ? "A/B test" : "Rollout"}: revision {rollout.stable} → {rollout.candidate}</Link> <RolloutMark rollout={rollout} /></span>
          ))}
          {troubles.filter(({ route }) => route === name).map(({ guardrail, message }) => <span key={guardrail} className="cell-note cell-bad">Every call fails. {message}</span>)}
          <span className="cell-note">{[team, limitsLine(settings.limits, settings.budget)].filter((part) => part !== null).join(" · ")}</span>
        </>
      ),
    },
    { label: "Targets", cell: ({ settings }) => <Targets settings={settings} health={health} /> },
    { label: "Also", cell: ({ settings }) => routeMarks(settings).length > 0 && <span className="cell-line">{routeMarks(settings).map((mark) => <Chip key={mark}>{mark}</Chip>)}</span> },
    { label: "Calls, 24 h", kind: "number", cell: ({ name }) => figure(name, ({ calls }) => formatCount(calls), "0") },
    {
      label: "Errors", kind: "number",
      cell: ({ name }) => <><span className={(dayOf(name)?.failed ?? 0) > 0 ? "cell-bad" : ""}>{figure(name, ({ failed }) => formatCount(failed), "0")}</span><Refused route={name} refused={refused.filter(({ route }) => route === name)} /></>,
    },
    { label: "Cache hits", kind: "number", cell: ({ name, settings }) => <CacheHits told={dayOf(name)} isOn={settings.cache !== undefined} share={figure(name, ({ cached, calls }) => formatShare(calls === 0 ? null : cached / calls), "–")} /> },
    { label: "Spend", kind: "number", cell: ({ name }) => <Link href={`/costs?range=1d&route=${encodeURIComponent(name)}`}>{figure(name, spendWords, formatNano(0))}</Link> },
    {
      label: "Actions", kind: "actions",
      cell: ({ name }) => (
        <span className="gateway-actions">
          {mayChange && <button type="button" className="button button-small" aria-label={`Change ${name}`} onClick={() => query.set({ change: name })}>Change</button>}
          {mayChange && <Link href={`/rollouts?start=ab-test&model=${encodeURIComponent(`route:${name}`)}`} className="button button-small" aria-label={`A/B test of ${name}`}>A/B test</Link>}
          <button type="button" className="button button-small" aria-label={`Revisions of ${name}`} onClick={() => query.set({ revisions: name })}>Revisions</button>
          {mayChange && <button type="button" className="button button-small" aria-label={`Remove ${name}`} onClick={() => query.set({ remove: name })}>Remove</button>}
        </span>
      ),
    },
  ];
  return <div className="panel panel-table"><RowsTable columns={columns} rows={routes} rowKey={({ name }) => name} className="table-aligned routes-table" /></div>;
}

function Refused({ route, refused }: { route: string; refused: readonly RefusedOnRoute[] }) {
  const [first, ...others] = new Set(refused.map(({ reason }) => reason));
  return refused.length > 0 && <Link href={tracesOfRefused({ route, reason: others.length === 0 ? first : undefined })} className="cell-note" title={refusedTitle(refused)}>{formatCount(refusedCount(refused))} refused</Link>;
}

function Targets({ settings: { targets }, health }: { settings: GatewayRoute["settings"]; health: readonly TargetHealth[] }) {
  const shares = sharesOf(targets);
  return (
    <ul className="gateway-targets">
      {targets.map(({ provider, model, priority }, index) => {
        const known = health.find((entry) => entry.provider === provider && entry.model === model);
        return (
          <li key={index}>
            <code>{provider}/{model}</code>
            <span className="cell-note">
              {placeWords(shares[index]!, priority, targets.length)} <BreakerChip health={known} /> {known !== undefined && known.ewmaMs !== null && <span className="nowrap">{formatMs(known.ewmaMs)} to first byte</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function NoRoutes() {
  const [curl, python] = callSnippets("echo/echo", location.origin);
  return (
    <EmptyState title="No routes yet" command={curl!.code} after={<><p>Or with OpenAI’s own library:</p><CodeBlock code={python!.code} label="Python" /></>}>
      <p>Add a route to give your callers one name for several models, with fallbacks, a cache and a budget. Every model can be called without one too, as PROVIDER/MODEL; <code>echo/echo</code> needs no key. Ask it in the <Link href="/gateway/playground?a=echo/echo">playground</Link>, or from a program:</p>
    </EmptyState>
  );
}
