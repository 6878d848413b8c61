import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { parsedValue, spansOfTraceFile, type StoredSpan, type TraceService } from "../tracing/index.ts";
import type { ArtifactPlace, ArtifactService } from "../tracking/index.ts";
import { traceIdOf, wireTraceId } from "./wire-traces.ts";

export interface TraceFileParts {
  artifacts: Pick<ArtifactService, "stat" | "read">;
  traces: Pick<TraceService, "ingest">;
  /** The team of an experiment on which the caller has the role contributor. Throws EXPERIMENT_NOT_FOUND, FORBIDDEN. */
  teamOfExperiment(caller: Caller, experiment: string): Promise<string>;
}

const place = /^([\w-]{1,64})\/traces\/((?:tr-)?[0-9a-f]{32})\/artifacts\/traces\.json$/;
/** Larger files stay what they are. */
const longestFile = 32 << 20;

/** To be told of each file that was uploaded: keeps the spans of those in which MLflow's clients before 3.4 leave a trace. What cannot be read stays a file, for the clients that wrote it. */
export function readTraceFiles({ artifacts, traces, teamOfExperiment }: TraceFileParts): (caller: Caller, file: ArtifactPlace, now: EpochMs) => Promise<void> {
  return async (caller, file, now) => {
    const [, experiment, wireId] = (typeof file === "string" ? place.exec(file) : null) ?? [];
    const traceId = wireId === undefined ? null : traceIdOf(wireId);
    if (experiment === undefined || traceId === null || (await artifacts.stat(caller, file)).bytes > longestFile) return;
    const parts: Buffer[] = [];
    for await (const part of await artifacts.read(caller, file)) parts.push(part as Buffer);
    const spans = spansOfTraceFile(Buffer.concat(parts).toString("utf8"), traceId);
    if (spans === null || spans.length === 0) return;
    await traces.ingest({ team: await teamOfExperiment(caller, experiment), experiment, sender: caller.actor }, spans, now);
  };
}

/**
 * The file that clients before 3.4 look for and nobody uploaded, made of the spans that came otherwise: without it they pass over the trace. Null for what is no such file, and for a trace that the caller does not see in the
 * experiment that the file's path names.
 */
export function makeTraceFile(traces: Pick<TraceService, "trace" | "spans">): (caller: Caller, file: string) => Promise<Buffer | null> {
  return async (caller, file) => {
    const [, experiment, wireId] = place.exec(file) ?? [];
    const traceId = wireId === undefined ? null : traceIdOf(wireId);
    if (traceId === null) return null;
    const trace = await traces.trace(caller, traceId).catch((error: unknown) => {
      if (error instanceof AppError && error.code === "TRACE_NOT_FOUND") return null;
      throw error;
    });
    if (trace === null || (trace.summary.experiment ?? "0") !== experiment) return null;
    const { inputPreview: request, outputPreview: response } = trace.summary;
    const spans = (await traces.spans(trace.summary)).map(fileSpan);
    return spans.length === 0 ? null : Buffer.from(`{"spans":[${spans.join()}],"request":${previewOf(request)},"response":${previewOf(response)}}`);
  };
}

/** As 2.x has it: times as numbers that JavaScript's would not hold, and each attribute as the text of its JSON. */
function fileSpan({ traceId, spanId, parentSpanId, name, start, end, status, attributes, original, events }: StoredSpan): string {
  const told = (time: bigint | null, of: object): string => `${String(time)},${JSON.stringify(of).slice(1)}`;
  const inputs = attributes["input.value"] ?? attributes["gen_ai.input.messages"];
  const outputs = attributes["output.value"] ?? attributes["gen_ai.output.messages"];
  const all = { ...(inputs === undefined ? {} : { "mlflow.spanInputs": inputs }), ...(outputs === undefined ? {} : { "mlflow.spanOutputs": outputs }), ...attributes, ...original };
  const texts = Object.entries(all).map(([key, value]) => [key, typeof value === "string" && key.startsWith("mlflow.") && parsedValue(value) !== undefined ? value : jsonText(value)] as const);
  const rest = {
    name, context: { trace_id: `0x${traceId}`, span_id: `0x${spanId}` }, parent_id: parentSpanId === null ? null : `0x${parentSpanId}`, status_code: status.code.toUpperCase(), status_message: status.message,
    attributes: { ...Object.fromEntries(texts), "mlflow.traceRequestId": jsonText(wireTraceId(traceId)) },
  };
  const written = events.map(({ name: event, time, attributes: own }) => `{"timestamp":${told(time, { name: event, attributes: JSON.parse(jsonText(own)) as object })}`);
  return `{"start_time":${String(start)},"end_time":${told(end, rest).slice(0, -1)},"events":[${written.join()}]}`;
}

function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? String(item) : item));
}

/** JSON as it is, and other texts as JSON: clients read it as such. */
function previewOf(text: string | null): string {
  return text === null ? "null" : JSON.stringify(parsedValue(text) === undefined ? JSON.stringify(text) : text);
}
