import { Link } from "wouter";
import { absent, formatCount, formatMs } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Chip } from "../../parts/chip.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { useNewestCalls, type CostEntry, type Filters } from "./costs-data.ts";
import { formatNano } from "./money.ts";
import { outcomeTitles, outcomeTones } from "./outcome-words.ts";
import type { CostRange } from "./spend-days.ts";

function tokensIn({ tokens: { input, cacheRead, cacheWrite } }: CostEntry): number | null {
  return input === null ? null : input + (cacheRead ?? 0) + (cacheWrite ?? 0);
}

const columns: Column<CostEntry>[] = [
  { label: "When", kind: "name", cell: ({ time, attribution: { traceId } }) => (traceId === null ? <Time at={time} /> : <Link href={`/traces/${traceId}`} className="row-link" aria-label={`Trace ${traceId}`}><Time at={time} /></Link>) },
  { label: "Route", className: "cost-wide", cell: ({ attribution: { route }, provider, model }) => <>{route ?? `${provider}/${model}`}{route !== null && provider !== "" && route !== `${provider}/${model}` && <span className="cell-note">{provider}/{model}</span>}</> },
  { label: "Outcome", cell: ({ outcome, source }) => <span className="cell-line"><Chip tone={outcomeTones[outcome]} title={outcomeTitles[outcome]}>{outcome}</Chip>{source === "trace" && <Chip title="Another program made the call past the gateway, and told of it in a span">told</Chip>}</span> },
  { label: "Caller", className: "cost-caller", cell: ({ attribution: { team, actor, user } }) => <>{team}<span className="cell-note"><ActorName actor={actor} />{user !== null && ` · ${user}`}</span></> },
  { label: "Tokens", kind: "number", cell: (entry) => (tokensIn(entry) === null && entry.tokens.output === null ? absent : `${formatCount(tokensIn(entry))} → ${formatCount(entry.tokens.output)}`) },
  { label: "First byte", kind: "number", cell: ({ firstByteMs }) => formatMs(firstByteMs) },
  { label: "Total", kind: "number", cell: ({ totalMs }) => formatMs(totalMs) },
  { label: "Cost", kind: "number", cell: ({ cost, estimated, savedCost }) => <><span title={estimated ? "Tokens were counted here: the provider told none" : undefined}>{cost === null ? "no price" : `${estimated ? "≈ " : ""}${formatNano(cost)}`}</span>{typeof savedCost === "number" && <span className="cell-note" title="What the answer from the cache cost when it was made">{formatNano(savedCost)} saved</span>}</> },
];

/** Single calls, newest first, each leading to its trace. */
export function NewestCalls({ range, filters }: { range: CostRange; filters: Filters }) {
  const calls = useNewestCalls(range, filters);
  return (
    <Panel title="Newest calls" flush>
      <ResourceView resource={calls} lines={5}>
        {({ entries }) => (entries.length === 0 ? <p className="table-none">No call in this time.</p> : <RowsTable columns={columns} rows={entries} rowKey={({ id }) => id} className="table-aligned costs-table" />)}
      </ResourceView>
    </Panel>
  );
}
