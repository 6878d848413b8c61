import type { Command } from "../core/command.ts";
import { textTable } from "../core/text-table.ts";
import type { Feedback, SpanView, TraceView } from "./schemas.ts";
import { spanMessages } from "./span-messages.ts";
import { dollarsText, tokensText, tookText } from "./trace-words.ts";

/** One trace for people: its spans as a tree, what was said in them, and what is thought of it. */
export const showTrace: Command = {
  words: ["traces", "show"],
  summary: "show a trace: its spans as a tree with times, tokens and cost, their messages, and feedback",
  positionals: [{ name: "<trace>", description: "id of the trace" }],
  options: [
    { flags: "--whole", description: "long texts to their end" },
    { flags: "--no-messages", description: "without what went in and came out" },
    { flags: "--team <name>", description: "whose trace it is, where several teams have one of this id" },
  ],
  run: ({ api }, { positionals: [trace], options }) => api.get(`/api/traces/${encodeURIComponent(trace!)}`, { team: options.team as string | undefined }),
  render: ({ trace, spans, feedback, moreSpans }: TraceView, { messages, whole } = {}) => {
    const lines = treeOf(spans);
    const said = messages === false ? "" : spanMessages(lines.map(({ span }) => span), { whole: whole === true });
    return [
      `${trace.name}: ${trace.status}, ${tookText(trace.durationMs)}, ${tokensText(trace.inputTokens, trace.outputTokens)} tokens, ${dollarsText(trace.cost)}${trace.session === null ? "" : `, session ${trace.session}`}${trace.user === null ? "" : `, user ${trace.user}`}`,
      textTable(["SPAN", "ID", "AT", "TOOK", "MODEL", "TOKENS", "COST", "STATUS"], lines.map(({ span, depth }) => [
        `${"  ".repeat(depth)}${span.name}`, span.spanId, `+${span.offsetMs.toFixed(1)} ms`, tookText(span.durationMs), span.model ?? "-", tokensText(span.inputTokens, span.outputTokens), dollarsText(span.cost),
        span.status.code === "error" ? `error: ${span.status.message.split("\n", 1)[0]!.slice(0, 60)}` : span.status.code,
      ])),
      ...(moreSpans ? ["There are more spans."] : []),
      ...(said === "" ? [] : [said]),
      ...(feedback.length === 0 ? [] : [feedbackTable(feedback, spans)]),
    ].join("\n\n");
  },
};

function feedbackTable(feedback: readonly Feedback[], spans: readonly SpanView[]): string {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  return textTable(["FEEDBACK", "VALUE", "OF", "FROM", "COMMENT", "ID"], feedback.map(({ id, name, kind, value, spanId, source, sourceId, comment }) => [
    kind === "expectation" ? `${name} (expected)` : name, JSON.stringify(value), spanId === null ? "the trace" : (names.get(spanId) ?? spanId), `${source} ${sourceId}`, comment.slice(0, 60), id,
  ]));
}

/** Depth first, children by their start. A span whose parent is not there, or is its own descendant, stands at the top. */
function treeOf(spans: readonly SpanView[]): { span: SpanView; depth: number }[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const children = Map.groupBy(spans, ({ parentSpanId }) => (parentSpanId !== null && ids.has(parentSpanId) ? parentSpanId : null));
  const lines: { span: SpanView; depth: number }[] = [];
  const seen = new Set<string>();
  const walk = (top: SpanView): void => {
    const open: { span: SpanView; depth: number }[] = [{ span: top, depth: 0 }];
    for (let line = open.pop(); line !== undefined; line = open.pop()) {
      if (seen.has(line.span.spanId)) continue;
      seen.add(line.span.spanId);
      lines.push(line);
      for (const child of (children.get(line.span.spanId) ?? []).toReversed()) open.push({ span: child, depth: line.depth + 1 });
    }
  };
  for (const span of [...(children.get(null) ?? []), ...spans]) if (!seen.has(span.spanId)) walk(span);
  return lines;
}
