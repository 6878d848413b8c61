import { useLocation } from "wouter";
import { tagOf, useRun } from "../../data/tracking.ts";
import type { Model, ModelVersion } from "../../data/types.ts";
import { lineageGraph, type LineageNode, type LineageRun } from "./lineage.ts";

const box = { width: 158, height: 46, across: 54, down: 16 };

/** Where a version comes from and what it is called, as a graph; what has a page is a link to it. */
export function LineageView({ model, version }: { model: Model; version: ModelVersion }) {
  const graph = lineageGraph(model, version, useLineageRun(version));
  const [, navigate] = useLocation();
  const width = graph.columns * (box.width + box.across) - box.across + 4;
  const height = graph.rows * (box.height + box.down) - box.down + 4;
  const place = ({ column, row }: LineageNode): { x: number; y: number } => {
    const rows = graph.nodes.filter((node) => node.column === column).length;
    return { x: 2 + column * (box.width + box.across), y: 2 + (graph.rows - rows) * (box.height + box.down) * 0.5 + row * (box.height + box.down) };
  };
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  return (
    <div className="lineage" tabIndex={0} role="region" aria-label="Graph">
      <svg width={width} height={height} role="group" aria-label={graph.edges.map(([from, to]) => `${byId.get(from)!.label} to ${byId.get(to)!.label}`).join(", ")}>
        {graph.edges.map(([from, to]) => {
          const [start, end] = [byId.get(from)!, byId.get(to)!];
          const [a, b] = [place(start), place(end)];
          const path = start.column === end.column
            ? `M${a.x + box.width / 2},${a.y}L${b.x + box.width / 2},${b.y + box.height}`
            : `M${a.x + box.width},${a.y + box.height / 2}C${a.x + box.width + box.across / 2},${a.y + box.height / 2} ${b.x - box.across / 2},${b.y + box.height / 2} ${b.x},${b.y + box.height / 2}`;
          return <path key={`${from}>${to}`} className="lineage-edge" d={path} />;
        })}
        {graph.nodes.map((node) => {
          const { x, y } = place(node);
          const content = (
            <>
              <title>{node.label}</title>
              <rect x={x} y={y} width={box.width} height={box.height} rx={7} />
              <text x={x + 11} y={y + 19} className="lineage-label">{cut(node.label, 20)}</text>
              <text x={x + 11} y={y + 35} className="lineage-note">{cut(node.kind === node.note || node.note === "" ? node.kind : `${node.kind} · ${node.note}`, 25)}</text>
            </>
          );
          const className = `lineage-node lineage-${node.kind.replace(" ", "-")}`;
          const { href } = node;
          return href === null ? <g key={node.id} className={className}>{content}</g> : (
            <a key={node.id} className={className} href={href} aria-label={`${node.kind} ${node.label}`} onClick={(event) => { event.preventDefault(); navigate(href); }}>{content}</a>
          );
        })}
      </svg>
    </div>
  );
}

/** The run itself, for versions whose contract does not tell of it; null where there is none, or none that the reader may see. */
function useLineageRun(version: ModelVersion): LineageRun | null {
  const run = useRun(version.contract.lineage.run === undefined ? version.runId : null).data?.run;
  if (run === undefined) return null;
  const datasets = (run.inputs?.dataset_inputs ?? []).map(({ dataset, tags }) => ({ name: dataset.name, digest: dataset.digest, context: tagOf(tags, "mlflow.data.context") }));
  return { name: run.info.run_name, experiment: run.info.experiment_id, params: run.data.params?.length ?? 0, datasets };
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
