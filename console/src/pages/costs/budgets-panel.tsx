import { useResource } from "../../data/resource.ts";
import type { ApiKey } from "../../data/types.ts";
import { Chip } from "../../parts/chip.tsx";
import { CodeBlock } from "../../parts/copy.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { useGatewayRoutes, useKeyPolicies, type BudgetLimits } from "../gateway/gateway-data.ts";
import { useBudgets, useWindowSpend, type BudgetStatus, type CostRow } from "./costs-data.ts";
import { formatDollars, formatNano } from "./money.ts";
import { budgetMark } from "./spend-days.ts";

interface BudgetLine {
  id: string;
  kind: string;
  name: string;
  window: "day" | "month";
  /** US dollars. */
  limit: number;
  /** Billionths. */
  spent: number;
  /** Worst cases of calls under way; null where nobody tells. */
  reserved: number | null;
}

const columns: Column<BudgetLine>[] = [
  { label: "Budget", kind: "name", cell: ({ kind, name }) => <>{name}<span className="cell-note">{kind}</span></> },
  { label: "For", cell: ({ window }) => `a ${window}` },
  { label: "Used", cell: (line) => <BudgetBar line={line} /> },
  { label: "State", cell: (line) => { const { tone, words } = budgetMark(percentOf(line)); return <Chip tone={tone}>{words}</Chip>; } },
  { label: "Spent", kind: "number", cell: ({ spent, limit }) => <>{formatNano(spent)} of {formatDollars(limit)}</> },
  { label: "Under way", kind: "number", cell: ({ reserved }) => formatNano(reserved) },
];

/** Budgets of teams, projects, routes and keys, and how far each is used in its window of now. */
export function BudgetsPanel() {
  const budgets = useBudgets();
  const routes = useGatewayRoutes().data?.routes ?? [];
  const policies = useKeyPolicies().data?.policies ?? [];
  const hasRoutes = routes.some(({ settings }) => settings.budget !== undefined);
  const hasKeys = policies.some(({ settings }) => settings.budget !== undefined);
  const keys = useResource<{ keys: ApiKey[] }>(hasKeys ? "/api/keys" : null).data?.keys ?? [];
  const ofRoutes = { day: useWindowSpend(hasRoutes ? "route" : null, "day"), month: useWindowSpend(hasRoutes ? "route" : null, "month") };
  const ofKeys = { day: useWindowSpend(hasKeys ? "key" : null, "day"), month: useWindowSpend(hasKeys ? "key" : null, "month") };
  const own = [
    ...routes.flatMap(({ name, settings }) => linesOf("route", name, name, settings.budget, (window) => spentIn(ofRoutes[window], "route", name))),
    ...policies.flatMap(({ key, settings }) => linesOf("key", key, keys.find(({ id }) => id === key)?.name ?? key, settings.budget, (window) => spentIn(ofKeys[window], "key", `key:${key}`))),
  ];
  return (
    <Panel title="Budgets" flush note="Marks at 50, 80 and 100%; windows end at midnight UTC">
      <ResourceView resource={budgets} lines={3}>
        {({ budgets: entries }) => {
          const lines = [...entries.flatMap(linesOfBudget), ...own];
          return lines.length === 0 ? <NoBudgets /> : <RowsTable columns={columns} rows={lines} rowKey={({ id }) => id} />;
        }}
      </ResourceView>
    </Panel>
  );
}

function linesOfBudget({ scope, team, name, use }: BudgetStatus): BudgetLine[] {
  return use.map(({ window, limit, spent, reserved }) => ({ id: `${scope}:${team}:${name}:${window}`, kind: scope === "team" ? "team" : `project of ${team}`, name, window, limit: limit / 1e9, spent, reserved }));
}

function linesOf(kind: string, id: string, name: string, budget: BudgetLimits | undefined, spent: (window: "day" | "month") => number): BudgetLine[] {
  return (["day", "month"] as const).flatMap((window) => {
    const limit = budget?.[window];
    return limit === undefined ? [] : [{ id: `${kind}:${id}:${window}`, kind, name, window, limit, spent: spent(window), reserved: null }];
  });
}

function spentIn(rows: readonly CostRow[], by: string, value: string): number {
  return rows.find(({ group }) => group[by] === value)?.cost ?? 0;
}

function percentOf({ spent, limit }: BudgetLine): number {
  return spent / (limit * 1e7);
}

function BudgetBar({ line }: { line: BudgetLine }) {
  const percent = percentOf(line);
  const { tone } = budgetMark(percent);
  return (
    <span className={`budget-bar budget-bar-${tone}`} role="img" aria-label={`${Math.floor(percent)}% used`} title={`${percent.toFixed(1)}%`}>
      <span style={{ width: `${Math.min(100, percent)}%` }} />
      <i style={{ left: "50%" }} /><i style={{ left: "80%" }} />
    </span>
  );
}

function NoBudgets() {
  return (
    <div className="panel-body">
      <p className="muted">No budget holds anybody back. Routes and keys carry theirs in their own settings; a team gets one so:</p>
      <CodeBlock label="command" code={[`curl --request PUT ${location.origin}/api/budgets/teams/default \\`, '  --header "Content-Type: application/json" \\', `  --data '{"limits":{"day":5,"month":100}}'`].join("\n")} />
    </div>
  );
}
