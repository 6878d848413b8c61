import type { RolloutStatus } from "../../data/types.ts";
import { absent, plural } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { Panel } from "../../parts/panel.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { serversBehind } from "./rollout-words.ts";

/** Which servers have the present route: a step counts when all that live have it. */
export function ReplicasPanel({ status }: { status: RolloutStatus }) {
  const { replicas, route } = status;
  const wanted = route?.revision ?? null;
  const lost = replicas.filter(({ live }) => !live).length;
  const behind = serversBehind(status).length;
  const columns: readonly Column<RolloutStatus["replicas"][number]>[] = [
    { label: "Server", kind: "name", cell: ({ id }) => <code>{id}</code> },
    {
      label: "Route",
      cell: ({ revision, live }) => {
        if (!live) return <Chip tone="bad" title="It has not reported for some seconds: it ended, or lost the database and goes on with its last routes">cut off</Chip>;
        if (wanted === null) return <span className="muted">no route to have</span>;
        return (revision ?? -1) >= wanted ? <Chip tone="good">has it</Chip> : <Chip tone="warning">behind</Chip>;
      },
    },
    { label: "Revision", kind: "number", cell: ({ revision }) => revision ?? absent },
    { label: "Seen", kind: "line", cell: ({ seenAt }) => <Time at={seenAt} relative /> },
  ];
  const note = wanted === null ? "no route to follow" : behind === 0 ? `${plural(replicas.length - lost, "server")} with revision ${wanted}` : `${plural(behind, "server")} behind revision ${wanted}`;
  return (
    <Panel title="Servers" note={note} flush>
      {behind > 0 && <p className="stale panel-notice" role="status">The rollout waits until every live server has the route.</p>}
      {lost > 0 && <p className="stale panel-notice" role="status">{plural(lost, "server")} cut off: not waited for, and serving with the last routes it knew while it lives.</p>}
      {replicas.length === 0 ? <p className="table-none">No server has reported yet.</p> : <RowsTable columns={columns} rows={replicas} rowKey={({ id }) => id} />}
    </Panel>
  );
}
