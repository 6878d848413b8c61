import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import type { AddedRow, Feedback } from "./schemas.ts";

type Texts = Record<string, string | undefined>;

const ofTeam = { flags: "--team <name>", description: "whose trace it is, where several teams have one of this id" };

const feedback: Command = {
  words: ["traces", "feedback"],
  summary: "say what is thought of a trace or of one of its spans, or what should have come out",
  positionals: [
    { name: "<trace>", description: "id of the trace" },
    { name: "<name>", description: "what is judged, such as correct or helpfulness" },
    { name: "<value>", description: "true, false, a number, or a text" },
  ],
  options: [
    { flags: "--span <id>", description: "of this span, and not of the whole trace" },
    { flags: "--expected", description: "the value is what should have come out: rows of datasets have it" },
    { flags: "--comment <text>", description: "why" },
    { flags: "--source <source>", description: "who judged: human, code or llm", default: "human" },
    { flags: "--from <name>", description: "the person, program or model that judged; else the name of the caller" },
    { flags: "--as-text", description: "the value is a text, also where it looks like a number" },
    { flags: "--id <feedback>", description: "a feedback of this trace that is said anew; slipway traces show has its id" },
    ofTeam,
  ],
  run: ({ api }, { positionals: [trace, name, value], options }) => {
    const { span, comment, source, from, id, team } = options as Texts;
    if (source !== "human" && source !== "code" && source !== "llm") throw new AppError("INVALID_REQUEST", `--source is human, code or llm, not ${JSON.stringify(source)}.`);
    const said = { name, value: options.asText === true ? value : valueOf(value!), kind: options.expected === true ? "expectation" : "feedback", source, spanId: span, comment, sourceId: from, id };
    return api.send("POST", `/api/traces/${encodeURIComponent(trace!)}/feedback`, said, { team });
  },
  render: ({ id, name, value, kind, spanId, traceId, revision }: Feedback) =>
    `${name}${kind === "expectation" ? " (expected)" : ""}: ${JSON.stringify(value)}, of ${spanId === null ? "" : `the span ${spanId} of `}the trace ${traceId}${revision === 1 ? "" : `, revision ${revision}`}. To say it anew: --id ${id}`,
};

const toDataset: Command = {
  words: ["traces", "to-dataset"],
  summary: "add a trace to a dataset of CSV, as a row of its next version: what went in, came out, and should have",
  positionals: [{ name: "<trace>", description: "id of the trace" }, { name: "<dataset>", description: "one that is there, or the name of a new one" }],
  options: [{ flags: "--again", description: "also where the dataset has the trace already" }, ofTeam],
  run: ({ api }, { positionals: [trace, dataset], options }) =>
    api.send("POST", `/api/traces/${encodeURIComponent(trace!)}/dataset-row`, { dataset, ...(options.again === true ? { again: true } : {}) }, { team: options.team as string | undefined }),
  render: ({ dataset, version, rows, added }: AddedRow) =>
    added ? `A row of ${dataset}, version ${version}, which has ${rows === 1 ? "1 row" : `${rows} rows`}.` : `${dataset} has the trace already: nothing was added to version ${version}. To add it as it is now: the same with --again`,
};

/** As programs mean it: a truth value, a number, else a text. */
function valueOf(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

export const traceMarkCommands: readonly Command[] = [feedback, toDataset];
