import { useState } from "react";
import { Link } from "wouter";
import { useRights } from "../../data/session.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Chip } from "../../parts/chip.tsx";
import { CodeBlock } from "../../parts/copy.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { BudgetDialog } from "./budget-dialog.tsx";
import { useGatewayRoutes, useHealth, useKeyPolicies, type BudgetLimits } from "../gateway/gateway-data.ts";
import { refusedCount, tracesOfRefused } from "../gateway/refused-words.ts";
import { formatShare, plural } from "../../format.ts";
import { useBudgets, useWindowSpend, type BudgetStatus, type CostRow } from "./costs-data.ts";
import { formatLimit, formatNano } from "./money.ts";
import { budgetMark } from "./spend-days.ts";

const refusal = "BUDGET_EXCEEDED";

interface BudgetLine {
  id: string;
  kind: string;
  /** Of a key, `key:` and its id. */
  name: string;
  window: "day" | "month";
  /** US dollars. */
  limit: number;
  /** Billionths. */
  spent: number;
  /** Worst cases of calls under way; null where nobody tells. */
  reserved: number | null;
  /** Calls for which it had no room. */
  refused: number;
  /** That of a team or project, which is changed here; those of routes and keys are in their own settings. */
  budget?: BudgetStatus;
}

const columnsOf = (edit: ((budget: BudgetStatus) => void) | null): Column<BudgetLine>[] => [
  { label: "Budget", kind: "name", cell: ({ kind, name }) => <>{kind === "key" ? <ActorName actor={name} /> : name}<span className="cell-note">{kind}</span></> },
  { label: "For", kind: "line", cell: ({ window }) => `a ${window}` },
  { label: "Used", cell: (line) => <BudgetBar line={line} /> },
  { label: "State", cell: (line) => <BudgetState line={line} /> },
  { label: "Spent", kind: "number", cell: ({ spent, limit }) => <>{formatNano(spent)} of {formatLimit(limit)}</> },
  { label: "Under way", kind: "number", cell: ({ reserved }) => formatNano(reserved) },
  { label: "Actions", kind: "actions", cell: ({ budget }) => edit !== null && budget !== undefined && <button type="button" className="button button-small" aria-label={`Change the budget of ${budget.name}`} onClick={() => edit(budget)}>Change</button> },
];

/** Budgets of teams, projects, routes and keys, and how far each is used in its window of now. */
export function BudgetsPanel() {
  const [edited, setEdited] = useState<BudgetStatus | "new" | null>(null);
  const mayChange = useRights().somewhere("admin");
  const budgets = useBudgets();
  const routes = useGatewayRoutes().data?.routes ?? [];
  const policies = useKeyPolicies().data?.policies ?? [];
  const hasRoutes = routes.some(({ settings }) => settings.budget !== undefined);
  const hasKeys = policies.some(({ settings }) => settings.budget !== undefined);
  const ofRoutes = { day: useWindowSpend(hasRoutes ? "route" : null, "day"), month: useWindowSpend(hasRoutes ? "route" : null, "month") };
  const ofKeys = { day: useWindowSpend(hasKeys ? "key" : null, "day"), month: useWindowSpend(hasKeys ? "key" : null, "month") };
  const refusedBy = (scope: string, name: string, window: string): number => budgets.data?.callBudgets.find((budget) => budget.scope === scope && budget.name === name)?.use.find((use) => use.window === window)?.refused ?? 0;
  const own = [
    ...routes.flatMap(({ name, settings }) => linesOf("route", name, name, settings.budget, (window) => spentIn(ofRoutes[window], "route", name), refusedBy)),
    ...policies.flatMap(({ key, settings }) => linesOf("key", key, `key:${key}`, settings.budget, (window) => spentIn(ofKeys[window], "key", `key:${key}`), refusedBy)),
  ];
  return (
    <Panel title="Budgets" flush note="Marks at 50, 80 and 100%; windows end at midnight UTC" actions={mayChange && <button type="button" className="button button-small" onClick={() => setEdited("new")}>New budget</button>}>
      <ResourceView resource={budgets} lines={3}>
        {({ budgets: entries }) => {
          const lines = [...entries.flatMap(linesOfBudget), ...own];
          return lines.length === 0 ? <NoBudgets /> : <><RowsTable columns={columnsOf(mayChange ? setEdited : null)} rows={lines} rowKey={({ id }) => id} /><RefusedByBudgets /></>;
        }}
      </ResourceView>
      {edited !== null && <BudgetDialog budget={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
    </Panel>
  );
}

function linesOfBudget(budget: BudgetStatus): BudgetLine[] {
  const { scope, team, name, use } = budget;
  return use.map(({ window, limit, spent, reserved, refused = 0 }) => ({ id: `${scope}:${team}:${name}:${window}`, kind: scope === "team" ? "team" : `project of ${team}`, name, window, limit: limit / 1e9, spent, reserved, refused, budget }));
}

function linesOf(kind: string, id: string, name: string, budget: BudgetLimits | undefined, spent: (window: "day" | "month") => number, refusedBy: (scope: string, name: string, window: string) => number): BudgetLine[] {
  return (["day", "month"] as const).flatMap((window) => {
    const limit = budget?.[window];
    return limit === undefined ? [] : [{ id: `${kind}:${id}:${window}`, kind, name, window, limit, spent: spent(window), reserved: null, refused: refusedBy(kind, id, window) }];
  });
}

function spentIn(rows: readonly CostRow[], by: string, value: string): number {
  return rows.find(({ group }) => group[by] === value)?.cost ?? 0;
}

function percentOf({ spent, limit }: BudgetLine): number {
  return spent / (limit * 1e7);
}

function BudgetState({ line }: { line: BudgetLine }) {
  const { tone, words } = budgetMark(percentOf(line), line.refused);
  return (
    <>
      <Chip tone={tone}>{words}</Chip>
      {line.refused > 0 && <span className="cell-note" title="As this server counted since it started; each may have cost more than was left">{plural(line.refused, "call")} refused</span>}
    </>
  );
}

function BudgetBar({ line }: { line: BudgetLine }) {
  const percent = percentOf(line);
  const { tone } = budgetMark(percent, line.refused);
  return (
    <span className={`budget-bar budget-bar-${tone}`} role="img" aria-label={`${Math.floor(percent)}% used`} title={formatShare(percent / 100)}>
      <span style={{ width: `${Math.min(100, percent)}%` }} />
      <i style={{ left: "50%" }} /><i style={{ left: "80%" }} />
    </span>
  );
}

/** They cost nothing and stand in none of the sums: whoever looks why a program stands still would not see them here. */
function RefusedByBudgets() {
  const refused = (useHealth().data?.refused ?? []).filter(({ reason }) => reason === refusal);
  if (refused.length === 0) return null;
  return <p className="table-foot muted">Budgets refused {plural(refusedCount(refused), "call")} in the last 24 hours, as this server counted. <Link href={tracesOfRefused({ reason: refusal })}>The traces</Link> say by which.</p>;
}

function NoBudgets() {
  return (
    <div className="panel-body">
      <p className="muted">No budget holds anybody back. Routes and keys carry theirs in their own settings; a team gets one here, or so:</p>
      <CodeBlock label="command" code="npx slipway budgets set default --per-day 5 --per-month 100" />
    </div>
  );
}
