import { actorWords, useNamedKeys } from "../../data/key-names.ts";
import { useQuery } from "../../data/query.ts";
import { formatCount, formatShare } from "../../format.ts";
import { FilterInput } from "../../parts/filter-input.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { useCosts, type CostRow, type Filters } from "./costs-data.ts";
import { formatNano, spendWords } from "./money.ts";
import type { CostRange } from "./spend-days.ts";

const groupings = [
  { id: "route", label: "Route" }, { id: "model", label: "Model" }, { id: "key", label: "Key" }, { id: "team", label: "Team" }, { id: "project", label: "Project" }, { id: "user", label: "User" }, { id: "session", label: "Session" }, { id: "agentRun", label: "Agent run" }, { id: "trace", label: "Trace" }, { id: "source", label: "Source" }, { id: "tag", label: "Tag" },
];
const most = 50;

/** Spend summed by what the reader chooses, the dearest first; a row narrows the page to itself. */
export function SpendTable({ range, filters }: { range: CostRange; filters: Filters }) {
  const query = useQuery();
  const by = groupings.find(({ id }) => id === query.get("by"))?.id ?? "route";
  const tag = query.get("tagName") ?? "feature";
  const grouping = by === "tag" ? `tag:${tag}` : by;
  const costs = useCosts(grouping, range, filters);
  const keys = useNamedKeys();
  const valueOf = ({ group }: CostRow): string | null => group[grouping] ?? null;
  const wordsOf = (value: string): string => (by === "key" ? actorWords(value, keys) : value);
  const label = groupings.find(({ id }) => id === by)!.label;
  const dearest = Math.max(1, ...(costs.data?.rows ?? []).map(({ cost }) => cost));
  const total = Math.max(1, costs.data?.total.cost ?? 0);
  const columns: Column<CostRow>[] = [
    {
      label: by === "tag" ? tag : label, kind: "name",
      cell: (row) => {
        const value = valueOf(row);
        if (value === null) return <span className="muted">not said</span>;
        return <button type="button" className="value-button" title={wordsOf(value) === value ? "Only these calls" : `Only these calls, of ${value}`} onClick={() => query.set({ [by]: by === "tag" ? `${tag}=${value}` : value })}>{wordsOf(value)}</button>;
      },
    },
    { label: "Spend", kind: "number", cell: ({ cost, calls, lostAttempts, unpriced }) => (unpriced === 0 ? formatNano(cost) : <>{spendWords({ cost, unpriced })}{unpriced < calls + lostAttempts && <span className="cell-note">{formatCount(unpriced)} without a price</span>}</>) },
    { label: "Share", cell: ({ cost }) => <span className="cost-share" title={formatShare(cost / total)}><span style={{ width: `${(100 * cost) / dearest}%` }} /></span> },
    { label: "Calls", kind: "number", cell: ({ calls, lostAttempts }) => <>{formatCount(calls)}{lostAttempts > 0 && <span className="cell-note" title="Attempts beside these calls that may have cost something: others were made in their place, or were quicker">and {formatCount(lostAttempts)} lost</span>}</> },
    { label: "Errors", kind: "number", cell: ({ failed }) => <span className={failed > 0 ? "cell-bad" : ""}>{formatCount(failed)}</span> },
    { label: "Cached", kind: "number", cell: ({ cached, savedCost }) => <>{formatCount(cached)}{savedCost > 0 && <span className="cell-note" title="What these answers cost when they were made">{formatNano(savedCost)} saved</span>}</> },
    { label: "Tokens in", kind: "number", cell: ({ inputTokens, cacheReadTokens, cacheWriteTokens }) => formatCount(inputTokens + cacheReadTokens + cacheWriteTokens) },
    { label: "Tokens out", kind: "number", cell: ({ outputTokens }) => formatCount(outputTokens) },
  ];
  return (
    <Panel title="Spend by" flush actions={by === "tag" ? <FilterInput label="Name of the tag" placeholder="name of the tag" value={tag} onChange={(value) => query.set({ tagName: value })} /> : undefined} note={<span className="cost-groups"><Segmented label="Group by" value={by} options={groupings} onChange={(id) => query.set({ by: id === "route" ? null : id })} /></span>}>
      <ResourceView resource={costs} lines={4}>
        {({ rows }) => (rows.length === 0 ? <p className="table-none">No call in this time.</p> : (
          <>
            <RowsTable columns={columns} rows={rows.slice(0, most)} rowKey={(row) => valueOf(row) ?? ""} className="table-aligned costs-table" />
            {rows.length > most && <p className="table-foot muted">{formatCount(rows.length - most)} more that cost less.</p>}
          </>
        ))}
      </ResourceView>
    </Panel>
  );
}
