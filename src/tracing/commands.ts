import type { Command } from "../core/command.ts";
import { formatDollars } from "../core/dollars.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { isAgo, toldTime } from "../core/told-time.ts";
import type { SpanView, TraceList, TraceView } from "./schemas.ts";

const dollars = (nano: number | null): string => (nano === null ? "-" : formatDollars(nano / 1e9));
const tokens = (input: number | null, output: number | null): string => (input === null && output === null ? "-" : `${input ?? 0}+${output ?? 0}`);
const took = (milliseconds: number | null): string => (milliseconds === null ? "running" : milliseconds >= 1000 ? `${(milliseconds / 1000).toFixed(2)} s` : `${milliseconds.toFixed(1)} ms`);
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function milliseconds(text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text) ?? [];
  if (number === undefined) throw new AppError("INVALID_REQUEST", `${text} is no time such as 250ms, 2s or 1m.`);
  return Number(number) * units[unit]!;
}

const search: Command = {
  words: ["traces"],
  summary: "search the traces, the newest first",
  positionals: [{ name: "[text]", description: "in the name, in what went in or out, or in an attribute" }],
  options: [
    { flags: "--errors", description: "only traces in which a span failed" },
    { flags: "--slower <time>", description: "only traces that took longer, such as 2s or 250ms" },
    { flags: "--since <time>", description: "only traces that began so long ago at most (30m, 24h, 7d), or since a time such as 2026-01-31" },
    { flags: "--until <time>", description: "only traces that began before, as --since" },
    { flags: "--session <id>", description: "only traces of the session" },
    { flags: "--user <id>", description: "only traces of the user" },
    { flags: "--service <name>", description: "only traces of the service" },
    { flags: "--model <name>", description: "only traces that called the model" },
    { flags: "--route <name>", description: "only traces with a call of the gateway's route" },
    { flags: "--order <order>", description: "start, duration or cost: greatest first", default: "start" },
    { flags: "--limit <number>", description: "how many, at most 500", default: "20" },
    { flags: "--after <place>", description: "go on where a search ended, which says the place; with the same filters" },
  ],
  run: async ({ api }, { positionals: [text], options }) => {
    const { slower, since, until, session, user, service, model, route, order, limit, after, errors } = options;
    const told = [since, until].map((time) => (time === undefined ? undefined : String(time)));
    // By the server's clock, which this answer tells: that of whoever asks may be another.
    const now = told.some((time) => time !== undefined && isAgo(time)) ? (await api.get<{ until: number }>("/api/costs?limit=1")).until : 0;
    const [from, to] = told.map((time) => (time === undefined ? undefined : toldTime(time, now)));
    const attributes = route === undefined ? undefined : JSON.stringify({ "slipway.route": route });
    const asked = { text, errors: errors === true ? "true" : undefined, slowerThanMs: slower === undefined ? undefined : milliseconds(String(slower)), from, to, session, user, service, model, attributes, order, limit, after };
    return { ...(await api.get<TraceList>("/api/traces", asked as Record<string, string | number | undefined>)), order };
  },
  render: ({ order, ...found }: Searched) => [tableOf(found), ...goingOn(found, order)].join("\n\n"),
};

interface Searched extends TraceList {
  order: string;
}

function tableOf({ traces, searchedUntil }: TraceList): string {
  if (traces.length === 0 && searchedUntil !== null) return "No such traces so far.";
  if (traces.length === 0) return "No such traces. All there are: slipway traces. To send some, set OTEL_EXPORTER_OTLP_TRACES_ENDPOINT to /v1/traces of this server.";
  return textTable(
    ["TRACE", "STARTED", "NAME", "STATUS", "TOOK", "SPANS", "TOKENS", "COST", "MODELS"],
    traces.map((trace) => [
      trace.traceId, new Date(trace.start).toISOString(), trace.name.slice(0, 40), trace.status, took(trace.durationMs), String(trace.spans), tokens(trace.inputTokens, trace.outputTokens), dollars(trace.cost), trace.models.join(",").slice(0, 40),
    ]),
  );
}

/** That there is more, and how far a search looked that ended early. */
function goingOn({ next, searchedUntil }: TraceList, order: string): string[] {
  if (next === null) return [];
  const goOn = `the same with --after ${next}`;
  if (searchedUntil === null) return [`There may be more: ${goOn}`];
  const place = searchedUntil < 0 ? `those without a ${order}` : order === "duration" ? `those that took ${took(searchedUntil)}` : order === "cost" ? `those of ${dollars(searchedUntil)}` : new Date(searchedUntil).toISOString();
  return [`Searched back to ${place}, and not further yet. To go on: ${goOn}`];
}

const show: Command = {
  words: ["traces", "show"],
  summary: "show a trace: its spans as a tree, with times, tokens and cost",
  positionals: [{ name: "<trace>", description: "id of the trace" }],
  options: [{ flags: "--team <name>", description: "whose trace it is, where several teams have one of this id" }],
  run: ({ api }, { positionals: [trace], options }) => api.get(`/api/traces/${encodeURIComponent(trace!)}`, { team: options.team as string | undefined }),
  render: ({ trace, spans, feedback, moreSpans }: TraceView) =>
    [
      `${trace.name}: ${trace.status}, ${took(trace.durationMs)}, ${tokens(trace.inputTokens, trace.outputTokens)} tokens, ${dollars(trace.cost)}${trace.session === null ? "" : `, session ${trace.session}`}`,
      textTable(["SPAN", "AT", "TOOK", "MODEL", "TOKENS", "COST", "STATUS"], treeOf(spans).map(({ span, depth }) => [
        `${"  ".repeat(depth)}${span.name}`, `+${span.offsetMs.toFixed(1)} ms`, took(span.durationMs), span.model ?? "-", tokens(span.inputTokens, span.outputTokens), dollars(span.cost),
        span.status.code === "error" ? `error: ${span.status.message.split("\n", 1)[0]!.slice(0, 60)}` : span.status.code,
      ])),
      ...(moreSpans ? ["There are more spans."] : []),
      ...(feedback.length === 0 ? [] : [textTable(["FEEDBACK", "VALUE", "FROM", "COMMENT"], feedback.map(({ name, value, source, sourceId, comment }) => [name, JSON.stringify(value), `${source} ${sourceId}`, comment.slice(0, 60)]))]),
    ].join("\n\n"),
};

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

export const traceCommands: readonly Command[] = [search, show];
