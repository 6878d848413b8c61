import { now } from "../../clock.ts";
import { Chart } from "../../charts/chart.tsx";
import { useQuery } from "../../data/query.ts";
import { formatCount, formatShare } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { KeyFigure, KeyFigures } from "../../parts/key-figure.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { callsByRoute } from "../gateway/cache-savings.ts";
import { callSnippets } from "../gateway/call-snippets.ts";
import { savingsTitle, savingsWords } from "../gateway/gateway-words.ts";
import { BudgetsPanel } from "./budgets-panel.tsx";
import { filterNames, useCosts, type Costs, type Filters } from "./costs-data.ts";
import { formatDollars, formatNano, spendWords } from "./money.ts";
import { NewestCalls } from "./newest-calls.tsx";
import { beginOf, costRangeOf, costRanges, spendSeries, type CostRange } from "./spend-days.ts";
import { SpendTable } from "./spend-table.tsx";

/** What calls cost: when, by whom and for what, how far budgets are used, and the newest calls with their traces. */
export function CostsPage() {
  usePageTitle("Costs");
  const query = useQuery();
  const range = costRangeOf(query.get("range"));
  const filters: Filters = Object.fromEntries(filterNames.flatMap((name) => (query.get(name) === null ? [] : [[name, query.get(name)]])));
  const isFiltered = Object.keys(filters).length > 0;
  const spend = useCosts(range.by, range, filters);
  return (
    <div className="page">
      <header className="page-header">
        <h1>Costs</h1>
        <div className="header-actions"><Segmented label="Time" value={range.id} options={costRanges.map(({ id, label, words }) => ({ id, label, title: words }))} onChange={(id) => query.set({ range: id === "7d" ? null : id })} /></div>
      </header>
      {isFiltered && (
        <div className="toolbar">
          <span className="toolbar-note">Only calls of</span>
          {Object.entries(filters).map(([name, value]) => <button key={name} type="button" className="button button-small" aria-label={`Drop the filter ${name}`} onClick={() => query.set({ [name]: null })}>{name} {name === "key" ? <ActorName actor={value} /> : value} ×</button>)}
        </div>
      )}
      <ResourceView resource={spend} lines={8}>
        {(costs) => (costs.total.calls + costs.total.lostAttempts === 0 && !isFiltered && range.id !== "1d" ? <><NoCosts /><BudgetsPanel /></> : (
          <>
            <Figures costs={costs} range={range} filters={filters} />
            <SpendChart costs={costs} range={range} />
            <SpendTable range={range} filters={filters} />
            <BudgetsPanel />
            <NewestCalls range={range} filters={filters} />
          </>
        ))}
      </ResourceView>
    </div>
  );
}

function Figures({ costs: { total }, range, filters }: { costs: Costs; range: CostRange; filters: Filters }) {
  // Answers from the cache cost nothing, and stand at the end of the rows.
  const rows = useCosts("route,outcome", range, { ...filters, outcome: undefined }, 10_000).data?.rows;
  const { saved } = callsByRoute(rows ?? []).all;
  return (
    <KeyFigures label="Sums">
      <KeyFigure label="Spend" value={spendWords(total)} note={total.unpriced > 0 ? `${formatCount(total.unpriced)} without a price` : "all priced"} tone={total.unpriced > 0 ? "warning" : undefined} />
      <KeyFigure label="Calls" value={formatCount(total.calls)} note={total.calls === 0 ? "" : `${formatNano(total.cost / total.calls)} each`} />
      <KeyFigure label="Errors" value={formatCount(total.failed)} note={total.calls === 0 ? "" : formatShare(total.failed / total.calls)} tone={total.failed > 0 ? "bad" : undefined} />
      <KeyFigure label="From the cache" value={formatCount(total.cached)} note={total.calls === 0 ? "" : <span title={savingsTitle(saved)}>{[formatShare(total.cached / total.calls), savingsWords(saved)].filter((part) => part !== "").join(" · ")}</span>} />
      <KeyFigure label="Tokens in" value={formatCount(total.inputTokens + total.cacheReadTokens + total.cacheWriteTokens)} note={`${formatCount(total.cacheReadTokens)} cached there`} />
      <KeyFigure label="Tokens out" value={formatCount(total.outputTokens)} />
    </KeyFigures>
  );
}

function SpendChart({ costs, range }: { costs: Costs; range: CostRange }) {
  const at = now();
  const { times, dollars, calls } = spendSeries(costs.rows, range, at);
  const [from, to] = [beginOf(range, at), (times.at(-1) ?? at / 1000) * 1000];
  return (
    <div className="columns">
      <div className="panel"><Chart title={`Spend by ${range.by} (UTC)`} times={times} from={from} to={to} utc={range.by} lines={[{ label: "spend", values: dollars, color: "--series-1", area: true }]} format={formatDollars} /></div>
      <div className="panel"><Chart title={`Calls by ${range.by} (UTC)`} times={times} from={from} to={to} utc={range.by} lines={[{ label: "calls", values: calls, color: "--series-3", area: true }]} format={formatCount} whole /></div>
    </div>
  );
}

function NoCosts() {
  return (
    <EmptyState title="Nothing was called in this time" command={callSnippets("echo/echo", location.origin)[0]!.code}>
      <p>Every call through the gateway is priced and stands here within a second. Begin with the built-in <code>echo</code>, which needs no key; a header <code>X-Slipway-Tags: feature=search</code> lets you sum by what you like. Calls that programs make elsewhere and tell of in traces are priced too, and count in no budget.</p>
    </EmptyState>
  );
}
