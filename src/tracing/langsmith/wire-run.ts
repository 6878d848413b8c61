import { parsedValue } from "../parsed-value.ts";
import type { Feedback } from "../schemas.ts";
import { spanViewOf } from "../span-view.ts";
import type { StoredSpan } from "../stored-span.ts";
import type { RunsOfTrace } from "./run-facts.ts";

type Json = Record<string, unknown>;
type Message = NonNullable<ReturnType<typeof spanViewOf>["inputMessages"]>[number];

/** What is large, and left out where a client selects other fields. */
const largeFields = ["inputs", "outputs", "extra", "events"] as const;

export interface WireRunParts {
  span: StoredSpan;
  /** The id of the project, where its trace has a service. */
  project: string | null;
  feedback: readonly Feedback[];
  /** Fields that the client asked for; all where it did not say. What tells runs apart is always there. */
  select?: readonly string[] | undefined;
}

/** A span as LangSmith's clients read a run. */
export function wireRun(runs: RunsOfTrace, { span, project, feedback, select }: WireRunParts): Json {
  const { start_time: start, end_time: end, latency: _, is_root: isRoot, metadata, tags, ...facts } = runs.factsOf(span);
  const parents = runs.parentsOf(span);
  const view = spanViewOf(span, span.start);
  const run: Json = {
    ...facts, start_time: isoOf(start), end_time: end === null ? null : isoOf(end), tags, session_id: project, parent_run_ids: parents.map((parent) => runs.idOf(parent)),
    dotted_order: [...parents, span].map((each) => `${isoOf(each.start).replaceAll(/[-:.]/g, "")}${runs.idOf(each)}`).join("."), child_run_ids: null, reference_example_id: null, app_path: null, first_token_time: null, prompt_cost: null, completion_cost: null,
    inputs: view.inputMessages === null ? (bodyOf(view.input, "input") ?? {}) : { messages: view.inputMessages.flatMap(openaiMessages) },
    outputs: view.outputMessages === null ? bodyOf(view.output, "output") : { choices: view.outputMessages.flatMap((message, index) => openaiMessages(message).map((each) => ({ index, message: each, finish_reason: message.finishReason }))) },
    extra: { metadata }, events: span.events.map(({ name, time, attributes }) => ({ ...shown(attributes), name, time: isoOf(time) })),
    feedback_stats: statsOf(feedback.filter(({ spanId, kind }) => kind === "feedback" && (spanId === span.spanId || (spanId === null && isRoot)))),
  };
  return select === undefined ? run : Object.fromEntries(Object.entries(run).filter(([name]) => select.includes(name) || !largeFields.some((large) => large === name)));
}

/** With microseconds, in UTC. */
function isoOf(nanoseconds: bigint): string {
  const micros = nanoseconds / 1000n;
  return `${new Date(Number(micros / 1000n)).toISOString().slice(0, -1)}${String(micros % 1000n).padStart(3, "0")}Z`;
}

/** An object as it came, anything else under a name. */
function bodyOf(text: string | null, name: string): Json | null {
  if (text === null) return null;
  const read = parsedValue(text);
  // What is no JSON is given as the text that it is.
  const value = read === undefined ? text : read;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : { [name]: value };
}

/** As OpenAI has them: each answer of a tool is a message of its own. */
function openaiMessages({ role, parts }: Message): Json[] {
  const answers = parts.filter(({ type }) => type === "tool_call_response").map(({ id, response }) => ({ role: "tool", tool_call_id: id ?? null, content: typeof response === "string" ? response : JSON.stringify(response ?? null) }));
  const calls = parts.filter(({ type }) => type === "tool_call").map(({ id, name, arguments: given }) => ({ id: id ?? null, type: "function", function: { name, arguments: typeof given === "string" ? given : JSON.stringify(given ?? {}) } }));
  const said = parts.filter(({ type }) => type !== "tool_call_response" && type !== "tool_call");
  if (said.length === 0 && calls.length === 0 && answers.length > 0) return answers;
  const content = said.every(({ type, content: each }) => type === "text" && typeof each === "string") ? said.map((part) => String(part.content)).join("") : said.map((part) => (part.type === "text" ? { type: "text", text: part.content } : part));
  return [...answers, { role, content: said.length === 0 && calls.length > 0 ? null : content, ...(calls.length === 0 ? {} : { tool_calls: calls }) }];
}

function shown(attributes: StoredSpan["attributes"]): Json {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, typeof value === "bigint" ? String(value) : value]));
}

/** Of each name how many there are, the mean of its scores, and how often each text was said. */
function statsOf(feedback: readonly Feedback[]): Json {
  return Object.fromEntries([...Map.groupBy(feedback, ({ name }) => name)].map(([name, given]) => {
    const scores = given.map(({ value }) => value).filter((value) => typeof value === "number" || typeof value === "boolean").map(Number);
    const values: Record<string, number> = {};
    for (const { value } of given) if (typeof value === "string") values[value] = (Object.hasOwn(values, value) ? values[value]! : 0) + 1;
    return [name, { n: given.length, avg: scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length, values }];
  }));
}
