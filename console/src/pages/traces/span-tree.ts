import type { SpanView } from "../../data/types.ts";

/** What the tree needs of a span. */
export type TreeSpan = Pick<SpanView, "spanId" | "parentSpanId" | "offsetMs" | "durationMs">;

/** A span at its place in the tree. Times are milliseconds from the start of the trace. */
export interface SpanNode<Span extends TreeSpan = SpanView> {
  span: Span;
  /** 0 for roots. */
  depth: number;
  children: SpanNode<Span>[];
  /** All below it. */
  descendants: number;
  from: number;
  /** Of a span that goes on, the end of what is known of the trace. */
  to: number;
  /** In which none of its children ran. */
  selfMs: number;
  /** It names a parent that has not arrived, or never will. */
  orphan: boolean;
  /** Some of the trace's time could only be saved by making this span shorter. */
  critical: boolean;
}

export interface SpanTree<Span extends TreeSpan = SpanView> {
  roots: SpanNode<Span>[];
  byId: ReadonlyMap<string, SpanNode<Span>>;
  from: number;
  to: number;
}

/**
 * Spans as a tree, siblings in the order of their starts. Parents may come after their children in the list; a span whose parent is not there stands
 * as a root of its own until it is. Spans that name each other as parents lose one of these links, so that each is shown once. The axis reaches from
 * the first start to the last end, whatever the clocks of several machines made of parents and children.
 */
export function buildSpanTree<Span extends TreeSpan>(spans: readonly Span[]): SpanTree<Span> {
  const byId = new Map<string, SpanNode<Span>>();
  let from = Infinity;
  let to = -Infinity;
  for (const { offsetMs, durationMs } of spans) {
    from = Math.min(from, offsetMs);
    to = Math.max(to, offsetMs + (durationMs ?? 0));
  }
  if (spans.length === 0) from = to = 0;
  for (const span of spans) {
    const end = span.durationMs === null ? to : span.offsetMs + span.durationMs;
    byId.set(span.spanId, { span, depth: 0, children: [], descendants: 0, from: span.offsetMs, to: Math.max(end, span.offsetMs), selfMs: 0, orphan: false, critical: false });
  }
  const roots: SpanNode<Span>[] = [];
  for (const node of byId.values()) {
    const parent = node.span.parentSpanId === null ? undefined : byId.get(node.span.parentSpanId);
    node.orphan = node.span.parentSpanId !== null && parent === undefined;
    if (parent === undefined) roots.push(node);
    else parent.children.push(node);
  }
  openCircles(roots, byId);
  const inOrder = (a: SpanNode<Span>, b: SpanNode<Span>): number => a.from - b.from || b.to - a.to;
  roots.sort(inOrder);
  const order: SpanNode<Span>[] = [...roots];
  for (let at = 0; at < order.length; at++) {
    const node = order[at]!;
    node.children.sort(inOrder);
    for (const child of node.children) {
      child.depth = node.depth + 1;
      order.push(child);
    }
    node.selfMs = selfTime(node);
  }
  for (const node of order.toReversed()) node.descendants = node.children.reduce((sum, child) => sum + 1 + child.descendants, 0);
  markCritical(roots);
  return { roots, byId, from, to };
}

/** Nodes from the root downwards, each once; what was reached is added to `seen`. Deep chains are walked without recursion. */
function below<Span extends TreeSpan>(root: SpanNode<Span>, seen: Set<SpanNode<Span>>): void {
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    seen.add(node);
    for (const child of node.children) if (!seen.has(child)) waiting.push(child);
  }
}

/** Opens circles of parents: nodes that no root reaches lead up into one, and there one node becomes a root. */
function openCircles<Span extends TreeSpan>(roots: SpanNode<Span>[], byId: ReadonlyMap<string, SpanNode<Span>>): void {
  const seen = new Set<SpanNode<Span>>();
  for (const root of roots) below(root, seen);
  if (seen.size === byId.size) return;
  for (const start of byId.values()) {
    if (seen.has(start)) continue;
    const passed = new Set<SpanNode<Span>>();
    let node = start;
    while (!passed.has(node)) {
      passed.add(node);
      node = byId.get(node.span.parentSpanId!)!;
    }
    const parent = byId.get(node.span.parentSpanId!)!;
    parent.children.splice(parent.children.indexOf(node), 1);
    roots.push(node);
    below(node, seen);
  }
}

function selfTime<Span extends TreeSpan>(node: SpanNode<Span>): number {
  let busy = 0;
  let until = node.from;
  for (const child of node.children) {
    const start = Math.max(until, child.from);
    const end = Math.min(node.to, child.to);
    if (end > start) {
      busy += end - start;
      until = end;
    }
  }
  return Math.max(0, node.to - node.from - busy);
}

/**
 * The critical path of each root, from its end backwards: the child that ended last was waited for; before its start, the one that had ended last by
 * then, and so on. What goes on after its parent ended kept nobody waiting.
 */
function markCritical<Span extends TreeSpan>(roots: readonly SpanNode<Span>[]): void {
  const longest = roots.reduce<SpanNode<Span> | null>((best, root) => (best === null || root.to - root.from > best.to - best.from ? root : best), null);
  if (longest === null) return;
  const waiting: { node: SpanNode<Span>; until: number }[] = [{ node: longest, until: longest.to }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node } = next;
    node.critical = true;
    let { until } = next;
    for (const child of node.children.toSorted((a, b) => b.to - a.to)) {
      if (child.to > until || child.from >= until || child.to <= node.from) continue;
      waiting.push({ node: child, until: child.to });
      until = child.from;
    }
  }
}

/** The nodes that are drawn, parents before their children; what is below a folded one is not. */
export function shownNodes<Span extends TreeSpan>(tree: SpanTree<Span>, folded: ReadonlySet<string>): SpanNode<Span>[] {
  const shown: SpanNode<Span>[] = [];
  const waiting = tree.roots.toReversed();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    shown.push(node);
    if (!folded.has(node.span.spanId)) for (let index = node.children.length - 1; index >= 0; index--) waiting.push(node.children[index]!);
  }
  return shown;
}

/** Where a node's bar lies on the axis, as shares from 0 to 1. */
export function barOf<Span extends TreeSpan>(tree: SpanTree<Span>, node: SpanNode<Span>): { left: number; width: number } {
  const whole = Math.max(tree.to - tree.from, 1e-6);
  return { left: (node.from - tree.from) / whole, width: (node.to - node.from) / whole };
}
