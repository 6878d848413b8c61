import { useEffect, useMemo, useState, type KeyboardEvent } from "react";
import { formatCount, formatMs } from "../../format.ts";
import { Icon } from "../../parts/icon.tsx";
import { formatNano } from "../costs/money.ts";
import { useViewport } from "../experiments/use-window.ts";
import { rowsInView } from "../experiments/window-range.ts";
import { barOf, shownNodes, type SpanNode, type SpanTree } from "./span-tree.ts";

/** Pixels, as traces.css has them; on a narrow place the bar stands below the name. */
const rowHeight = { wide: 30, narrow: 48 };
const narrowBelow = 560;
/** Deeper spans are not moved further to the right: the name must have room. */
const deepest = 12;

/** Spans as a tree with bars in time. Rows out of view are not drawn, so that thousands stay fluid. */
export function Waterfall({ tree, chosen, marked, onChoose }: { tree: SpanTree; chosen: string | null; marked: ReadonlySet<string>; onChoose: (span: string) => void }) {
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const nodes = useMemo(() => shownNodes(tree, folded), [tree, folded]);
  const { element, viewport } = useViewport<HTMLDivElement>();
  const height = viewport.width < narrowBelow ? rowHeight.narrow : rowHeight.wide;
  const { from, to } = rowsInView({ scroll: viewport.top, size: viewport.height }, height, nodes.length);
  const at = nodes.findIndex(({ span }) => span.spanId === chosen);

  const fold = (node: SpanNode, closed: boolean): void => {
    const next = new Set(folded);
    if (closed) next.add(node.span.spanId);
    else next.delete(node.span.spanId);
    setFolded(next);
  };
  const choose = (index: number): void => {
    const node = nodes[Math.max(0, Math.min(nodes.length - 1, index))];
    if (node !== undefined) onChoose(node.span.spanId);
  };
  // The chosen span is kept in view when the keys move it, or the address names it.
  useEffect(() => {
    const box = element.current;
    if (box === null || at < 0) return;
    if (at * height < box.scrollTop) box.scrollTop = at * height;
    else if ((at + 1) * height > box.scrollTop + box.clientHeight) box.scrollTop = (at + 1) * height - box.clientHeight;
  }, [at, height, element]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const node = nodes[at];
    const page = Math.max(1, Math.floor(viewport.height / height) - 1);
    const steps: Record<string, () => void> = {
      ArrowDown: () => choose(at + 1), ArrowUp: () => choose(at - 1), Home: () => choose(0), End: () => choose(nodes.length - 1), PageDown: () => choose(at + page), PageUp: () => choose(at - page),
      ArrowRight: () => (node !== undefined && folded.has(node.span.spanId) ? fold(node, false) : node !== undefined && node.children.length > 0 && choose(at + 1)),
      ArrowLeft: () => {
        if (node === undefined) return;
        if (node.children.length > 0 && !folded.has(node.span.spanId)) fold(node, true);
        else if (node.span.parentSpanId !== null && tree.byId.has(node.span.parentSpanId)) onChoose(node.span.parentSpanId);
      },
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    step();
  };

  const hasFigures = useMemo(() => [...tree.byId.values()].some(({ span }) => figuresOf(span) !== ""), [tree]);
  const parents = [...tree.byId.values()].filter(({ children }) => children.length > 0);
  return (
    <>
      <div className={hasFigures ? "waterfall-head" : "waterfall-head waterfall-head-plain"}>
        <span>
          {parents.length > 1 && (
            <>
              <button type="button" className="link-button" onClick={() => setFolded(new Set(parents.filter(({ depth }) => depth > 0).map(({ span }) => span.spanId)))}>Fold</button>{" "}
              <button type="button" className="link-button" disabled={folded.size === 0} onClick={() => setFolded(new Set())}>Unfold all</button>
            </>
          )}
        </span>
        <span className="waterfall-axis" aria-hidden="true"><span>{formatMs(0)}</span><span>{formatMs((tree.to - tree.from) / 2)}</span><span>{formatMs(tree.to - tree.from)}</span></span>
      </div>
      <div className={`waterfall${hasFigures ? "" : " waterfall-plain"}${height === rowHeight.wide ? "" : " waterfall-narrow"}`} ref={element} role="tree" aria-label="Spans" tabIndex={0} aria-activedescendant={at >= from && at < to ? `span-${chosen}` : undefined} onKeyDown={onKeyDown}>
        <div className="waterfall-rows" role="presentation" style={{ height: nodes.length * height }}>
          {nodes.slice(from, to).map((node, index) => (
            <Row
              key={node.span.spanId} node={node} tree={tree} top={(from + index) * height} chosen={node.span.spanId === chosen} folded={folded.has(node.span.spanId)} marked={marked.has(node.span.spanId)} hasFigures={hasFigures}
              onChoose={() => onChoose(node.span.spanId)} onFold={() => fold(node, !folded.has(node.span.spanId))}
            />
          ))}
        </div>
      </div>
    </>
  );
}

interface RowProps {
  node: SpanNode;
  tree: SpanTree;
  top: number;
  chosen: boolean;
  folded: boolean;
  marked: boolean;
  /** Whether any span of the trace has tokens or a cost. */
  hasFigures: boolean;
  onChoose: () => void;
  onFold: () => void;
}

function Row({ node, tree, top, chosen, folded, marked, hasFigures, onChoose, onFold }: RowProps) {
  const { span } = node;
  const { left, width } = barOf(tree, node);
  const failed = span.status.code === "error";
  const whole = node.to - node.from;
  const provider = attemptProvider(span);
  const name = provider === null ? span.name : `${span.name} at ${provider}`;
  const look = failed ? "failed" : span.durationMs === null ? "running" : lookOf(span.operation);
  return (
    <div
      role="treeitem" id={`span-${span.spanId}`} aria-level={node.depth + 1} aria-selected={chosen} aria-expanded={node.children.length > 0 ? !folded : undefined} className="waterfall-row" style={{ top }} onClick={onChoose}
      aria-label={`${name}, ${formatMs(span.durationMs)}${failed ? ", failed" : ""}${node.critical ? ", on the critical path" : ""}`}
    >
      <span className="waterfall-name" style={{ paddingLeft: Math.min(node.depth, deepest) * 14 }}>
        {node.children.length > 0 ? (
          <button type="button" tabIndex={-1} className={folded ? "fold" : "fold fold-open"} aria-label={folded ? `Unfold ${node.descendants} below` : "Fold"} onClick={(event) => { event.stopPropagation(); onFold(); }}><Icon name="chevronRight" /></button>
        ) : <span className="fold" />}
        {failed && <span className="cell-bad" title={span.status.message}><Icon name="warning" /></span>}
        <span className="waterfall-label" title={name}>{span.name}{provider !== null && <span className="muted small"> {provider}</span>}</span>
        {folded && <span className="muted small">+{formatCount(node.descendants)}</span>}
        {node.orphan && <span className="muted small" title="Its parent has not arrived">no parent</span>}
        {marked && <span className="muted small" title="It has feedback">fb</span>}
      </span>
      <span className="waterfall-track" aria-hidden="true">
        <span className={`span-bar span-${look}${node.critical ? " span-critical" : ""}`} style={{ left: `${left * 100}%`, width: `${width * 100}%` }} title={`${formatMs(node.selfMs)} of its own`}>
          {node.children.length > 0 && whole > 0 && <span className="span-children" style={{ width: `${Math.max(0, 1 - node.selfMs / whole) * 100}%` }} />}
        </span>
      </span>
      <span className="waterfall-duration">{formatMs(span.durationMs)}</span>
      {hasFigures && <span className="waterfall-figures muted">{figuresOf(span)}</span>}
    </div>
  );
}

/** By the name that it has here, of an attempt of the gateway: several may be of models with one name. */
function attemptProvider({ attributes, provider }: SpanNode["span"]): string | null {
  if (attributes["slipway.attempt"] !== true) return null;
  const entered = attributes["slipway.provider"];
  return typeof entered === "string" ? entered : provider;
}

/** Tokens and cost, where it has them. */
function figuresOf({ inputTokens, outputTokens, cost }: SpanNode["span"]): string {
  const tokens = inputTokens === null && outputTokens === null ? "" : `${formatCount((inputTokens ?? 0) + (outputTokens ?? 0))} tok`;
  return [tokens, cost === null || cost === 0 ? "" : formatNano(cost)].filter((word) => word !== "").join(" · ");
}

/** Colours part what models, tools and the rest did; the name says it too. */
function lookOf(operation: string | null): string {
  if (operation === null) return "plain";
  if (operation === "execute_tool") return "tool";
  if (operation === "retrieval" || operation === "embeddings") return "retrieval";
  return operation.startsWith("invoke_") ? "agent" : "model";
}
