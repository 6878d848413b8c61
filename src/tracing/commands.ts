import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { isAgo, toldTime } from "../core/told-time.ts";
import type { TraceList, TraceSession } from "./schemas.ts";
import { showTrace } from "./show-trace.ts";
import { traceMarkCommands } from "./trace-mark-commands.ts";
import { dollarsText, tokensText, tookText } from "./trace-words.ts";

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function milliseconds(text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text) ?? [];
  if (number === undefined) throw new AppError("INVALID_REQUEST", `${text} is no time such as 250ms, 2s or 1m.`);
  return Number(number) * units[unit]!;
}

/** Billionths, in which costs are kept. */
function nanoDollars(text: string): number {
  if (!/^\$?\d+(\.\d+)?$/.test(text)) throw new AppError("INVALID_REQUEST", `--min-cost takes US dollars such as 0.05, not ${JSON.stringify(text)}.`);
  return Math.ceil(Number(text.replace("$", "")) * 1e9);
}

function attributesOf(texts: readonly string[], route: string | undefined): string | undefined {
  const found: Record<string, string> = route === undefined ? {} : { "slipway.route": route };
  for (const text of texts) {
    const [, key, value] = /^([^=]+)=([^]*)$/.exec(text) ?? [];
    if (key === undefined) throw new AppError("INVALID_REQUEST", `${JSON.stringify(text)} is no attribute: write KEY=VALUE, such as gen_ai.tool.name=search. A text to search for stands before the options.`);
    found[key] = value!;
  }
  return Object.keys(found).length === 0 ? undefined : JSON.stringify(found);
}

const search: Command = {
  words: ["traces"],
  summary: "search the traces, the newest first",
  positionals: [{ name: "[text]", description: "in the name, in what went in or out, or in an attribute; a word that is a command below stands behind --text" }],
  options: [
    { flags: "--text <text>", description: "the same, for a word that is a command too: show, sessions, feedback, to-dataset" },
    { flags: "--errors", description: "only traces in which a span failed" },
    { flags: "--no-errors", description: "only traces in which none failed" },
    { flags: "--slower <time>", description: "only traces that took longer, such as 2s or 250ms" },
    { flags: "--min-cost <dollars>", description: "only traces that cost so much at least" },
    { flags: "--min-tokens <count>", description: "only traces of so many tokens at least" },
    { flags: "--since <time>", description: "only traces that began so long ago at most (30m, 24h, 7d), or since a time of UTC such as 2026-01-31 or 2026-01-31T12:00" },
    { flags: "--until <time>", description: "only traces that began before, as --since" },
    { flags: "--attribute <key=value...>", description: "only traces with a span, or a tag, that has the attribute; all that are named" },
    { flags: "--session <id>", description: "only traces of the session" },
    { flags: "--user <id>", description: "only traces of the user" },
    { flags: "--service <name>", description: "only traces of the service" },
    { flags: "--model <name>", description: "only traces that called the model" },
    { flags: "--route <name>", description: "only traces with a call of the gateway's route" },
    { flags: "--name <name>", description: "only traces of the name" },
    { flags: "--feedback <name>", description: "only traces with a feedback or a score of the name" },
    { flags: "--experiment <id>", description: "only traces of the experiment" },
    { flags: "--team <name>", description: "only traces of the team" },
    { flags: "--order <order>", description: "start, duration or cost: greatest first", default: "start" },
    { flags: "--limit <number>", description: "how many, at most 500", default: "20" },
    { flags: "--after <place>", description: "go on where a search ended, which says the place; with the same filters" },
  ],
  run: async ({ api }, { positionals: [text], options }) => {
    const { slower, minCost, minTokens, since, until, route, errors, attribute, session, user, service, model, name, feedback, experiment, team, order, limit, after } = options;
    const told = [since, until].map((time) => (time === undefined ? undefined : String(time)));
    // By the server's clock, which this answer tells: that of whoever asks may be another.
    const now = told.some((time) => time !== undefined && isAgo(time)) ? (await api.get<{ until: number }>("/api/costs", { limit: 1 })).until : 0;
    const [from, to] = told.map((time) => (time === undefined ? undefined : toldTime(time, now)));
    const asked = {
      text: text ?? options.text, errors: errors === undefined ? undefined : String(errors), slowerThanMs: slower === undefined ? undefined : milliseconds(String(slower)), minCost: minCost === undefined ? undefined : nanoDollars(String(minCost)), minTokens, from, to,
      attributes: attributesOf((attribute as unknown as string[] | undefined) ?? [], route as string | undefined), session, user, service, model, name, feedback, experiment, team, order, limit, after,
    };
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
      trace.traceId, new Date(trace.start).toISOString(), trace.name.slice(0, 40), trace.status, tookText(trace.durationMs), String(trace.spans), tokensText(trace.inputTokens, trace.outputTokens), dollarsText(trace.cost), trace.models.join(",").slice(0, 40),
    ]),
  );
}

/** That there is more, and how far a search looked that ended early. */
function goingOn({ next, searchedUntil }: TraceList, order: string): string[] {
  if (next === null) return [];
  const goOn = `the same with --after ${next}`;
  if (searchedUntil === null) return [`There may be more: ${goOn}`];
  const place = searchedUntil < 0 ? `those without a ${order}` : order === "duration" ? `those that took ${tookText(searchedUntil)}` : order === "cost" ? `those of ${dollarsText(searchedUntil)}` : new Date(searchedUntil).toISOString();
  return [`Searched back to ${place}, and not further yet. To go on: ${goOn}`];
}

const sessions: Command = {
  words: ["traces", "sessions"],
  summary: "sessions: the traces that share one, summed up, the last first",
  options: [
    { flags: "--user <id>", description: "only sessions of the user" },
    { flags: "--limit <number>", description: "how many, at most 500", default: "20" },
    { flags: "--after <place>", description: "go on where a list ended, which says the place" },
  ],
  run: ({ api }, { options: { user, limit, after } }) => api.get("/api/sessions", { user, limit, after } as Record<string, string | undefined>),
  render: ({ sessions: found, next }: { sessions: TraceSession[]; next: string | null }) =>
    [
      found.length === 0
        ? "No sessions. A call of the gateway names its own with the header X-Slipway-Session, a span with session.id."
        : textTable(["SESSION", "TEAM", "USER", "TRACES", "FAILED", "FIRST", "LAST", "TOKENS", "COST"], found.map(({ session, team, user, traces, errors, start, end, inputTokens, outputTokens, cost }) => [
            session, team, user ?? "-", String(traces), String(errors), new Date(start).toISOString(), new Date(end).toISOString(), tokensText(inputTokens, outputTokens), dollarsText(cost),
          ])),
      ...(found.length === 0 ? [] : ["Traces of one: slipway traces --session SESSION"]),
      ...(next === null ? [] : [`There are more: the same with --after ${next}`]),
    ].join("\n\n"),
};

/** Their words may have been meant as what is searched for. */
const ofTraces = [showTrace, sessions, ...traceMarkCommands].map((command) => ({ ...command, afterWrongUse: `To search the traces for the word: slipway traces --text ${command.words.at(-1)!}` }));

export const traceCommands: readonly Command[] = [search, ...ofTraces];
