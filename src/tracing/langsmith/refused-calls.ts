import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import { route, type Method, type Route } from "../../core/route.ts";

const tag = "Traces";

const evaluations = "Datasets and evaluations of LangSmith are not kept. Upload the rows with `slipway datasets add` (POST /api/datasets/DATASET/versions), or add traces to a dataset with POST /api/traces/TRACE/dataset-row; what an evaluator finds is feedback: create_feedback.";
const prompts = "Prompts of LangSmith are not kept. Keep them with the program, which traces what came of them.";

/** What to do instead, by the first part of the path that names a thing. */
const advice: Readonly<Record<string, string>> = {
  runs: "Runs are sent, read and listed: read_run, list_runs. Everything else is a trace's: GET /api/traces and /api/traces/TRACE, or `slipway traces` and `slipway traces show`. The id of a trace is that of its root run without dashes.",
  traces: "Traces are listed by their roots (traces.query) and run by run (traces.list_runs). Everything else: GET /api/traces and /api/traces/TRACE.",
  threads: "Threads are the sessions of traces: threads.query, threads.list_traces, or GET /api/sessions and `slipway traces --session SESSION`. There are no statistics of one: GET /api/sessions has its tokens and costs.",
  sessions: "A project of LangSmith is the service of its traces, and is neither made nor changed: list_projects, read_project, or GET /api/traces?service=PROJECT.",
  feedback: "Feedback is created, read, listed, changed and removed with a key of this server; there are no tokens for it. For a browser, have your own server pass on what users say.",
  "feedback-configs": "A feedback needs no configuration: its score is a number or a boolean, its value a text.",
  datasets: evaluations,
  examples: evaluations,
  "annotation-queues": "There are no queues of annotations. GET /api/traces finds what is to be judged, and POST /api/traces/TRACE/feedback keeps the judgement.",
  repos: prompts,
  commits: prompts,
  likes: prompts,
  public: "Nothing is shared with those who have no key. Send the address of the trace in the console.",
};

const otherwise = "Served are runs, projects, feedback, and spans by OTLP; docs/tracing.md says how to read them.";
/** Clients put these before their paths, some by what the address ends in. */
const before = /^(?:(?:api|v\d|platform)\/)+/;

/** Every other call of LangSmith's clients: refused in words that they show, with a status after which they do not ask again. */
export function refusedLangsmithCalls(): Route[] {
  const methods: readonly (readonly [Method, string])[] = [["GET", "Get"], ["POST", "Post"], ["PUT", "Put"], ["PATCH", "Patch"], ["DELETE", "Delete"]];
  return methods.map(([method, name]) =>
    route({
      method, path: "/langsmith/*", access: "viewer", on: "some", audited: false, operationId: `langsmithRefused${name}`, tag, summary: "Refuses other calls of LangSmith's clients, and says what to do instead",
      params: z.strictObject({ "*": z.string().max(2048) }), response: z.never(),
      handle: ({ params: { "*": path } }) => {
        const [first = ""] = path.replace(before, "").split("/");
        throw new AppError("NOT_SUPPORTED", `LangSmith's ${method} /${path.slice(0, 200)} is not served here. ${Object.hasOwn(advice, first) ? advice[first]! : otherwise}`);
      },
    }));
}
