import { z } from "zod";
import type { Caller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { route, type Route } from "../core/route.ts";
import { decodeJson } from "./otlp/decode-json.ts";
import { decodeProtobuf } from "./otlp/decode-protobuf.ts";
import { isJson, isProtobuf, otlpAnswer, otlpError } from "./otlp/otlp-answer.ts";
import { AddedRow, Feedback, NewFeedback, TraceId, TraceList, TraceQuery, TraceSession, TraceSummary, TraceView } from "./schemas.ts";
import { teamHeader, teamOfSender } from "./trace-access.ts";
import type { TraceService } from "./trace-service.ts";

const tag = "Traces";
const TraceParams = z.strictObject({ trace: TraceId });
const OfTeam = z.strictObject({ team: z.string().min(1).max(140).optional().meta({ description: "Whose trace it is, where several teams have one of this id; else that of default, or of the team whose name is first" }) });
const Next = z.string().nullable().meta({ description: "Give it as after for the rest; null at the end" });
/** Of one request, decompressed; collectors send some hundred kilobytes. */
const maxTraceBytes = 32 << 20;
const experimentHeader = "x-mlflow-experiment-id";

export interface TracingRouteParts {
  traces: TraceService;
  /** The team of an experiment on which the caller has the role contributor. Throws EXPERIMENT_NOT_FOUND, FORBIDDEN. */
  teamOfExperiment(caller: Caller, experiment: string): Promise<string>;
}

/** Traces: what programs send by OTLP, and what people read. A trace is judged by its handler: what the caller may not see answers as what is missing. */
export function tracingRoutes(parts: TracingRouteParts): Route[] {
  const { traces } = parts;
  return [
    route({
      method: "POST", path: "/v1/traces", aliases: ["/langsmith/otel/v1/traces"], access: "contributor", on: "some", audited: false, operationId: "exportTraces", tag, errorBody: otlpError,
      summary: "Take spans by OTLP/HTTP, as protobuf or JSON",
      description: `Answers in the encoding of the request. Spans without ids or times, and those that cannot be read, are counted in partialSuccess, and the others are kept. The header ${teamHeader} names the team whose members see them, ${experimentHeader} an experiment. Errors are a google.rpc.Status in the encoding of the request.`,
      body: { kind: "buffer", maxBytes: maxTraceBytes, description: "ExportTraceServiceRequest, plain or with gzip or deflate" },
      response: { mediaType: "application/json", description: "ExportTraceServiceResponse, in the encoding of the request" },
      handle: async ({ body, headers, caller, now }) => {
        const type = headers["content-type"];
        const inProtobuf = isProtobuf(type);
        if (!inProtobuf && !isJson(type)) throw new AppError("UNSUPPORTED_MEDIA_TYPE", "Traces come as application/x-protobuf or application/json.");
        const experiment = headers[experimentHeader];
        const of = typeof experiment === "string" ? { team: await parts.teamOfExperiment(caller, experiment), experiment } : { team: teamOfSender(caller, headers[teamHeader]) };
        const received = inProtobuf ? decodeProtobuf(body) : decodeJson(body);
        await traces.ingest({ ...of, sender: caller.actor }, received.spans, now);
        return otlpAnswer(inProtobuf, received);
      },
    }),
    route({
      method: "GET", path: "/api/traces", access: "viewer", on: "some", operationId: "searchTraces", tag,
      summary: "Traces that the caller may see, the newest first",
      description: "What has to look into spans (text, and attributes that are in no index) looks through some 30,000 of them for one page: the page may then be short, or empty, and not the last one.",
      query: TraceQuery,
      response: TraceList,
      handle: async ({ query, caller }) => {
        const { items, ...page } = await traces.search(caller, query);
        return { traces: items, ...page };
      },
    }),
    route({
      method: "GET", path: "/api/traces/:trace", access: "viewer", on: "some", operationId: "getTrace", tag,
      summary: "One trace with its spans and feedback",
      params: TraceParams,
      query: OfTeam,
      response: TraceView,
      handle: ({ params, query, caller }) => traces.view(caller, params.trace, query.team),
    }),
    route({
      method: "DELETE", path: "/api/traces/:trace", access: "contributor", on: "some", operationId: "deleteTrace", tag,
      summary: "Remove a trace with its spans and feedback",
      params: TraceParams,
      query: OfTeam,
      response: TraceSummary,
      handle: ({ params, query, caller, now, auditAs }) => {
        auditAs({ object: `trace:${params.trace}` });
        return traces.remove(caller, { traceId: params.trace, ...query }, now);
      },
    }),
    route({
      method: "GET", path: "/api/sessions", access: "viewer", on: "some", operationId: "listTraceSessions", tag,
      summary: "Sessions: the traces that share one, summed up, the last first",
      query: z.strictObject({ user: z.string().max(250).optional(), after: z.string().max(500).optional(), limit: z.coerce.number().int().min(1).max(500).default(50) }),
      response: z.object({ sessions: z.array(TraceSession), next: Next }),
      handle: async ({ query: { after = null, ...query }, caller }) => {
        const { items, next } = await traces.sessions(caller, { ...query, after });
        return { sessions: items, next };
      },
    }),
    route({
      method: "POST", path: "/api/traces/:trace/feedback", access: "viewer", on: "some", operationId: "addTraceFeedback", tag,
      summary: "Say what is thought of a trace or of one of its spans, or what should have come out",
      description: "With the id of a feedback that is there, its next revision.",
      params: TraceParams,
      query: OfTeam,
      body: { kind: "json", schema: NewFeedback },
      response: Feedback,
      handle: ({ params, query, body, caller, now, auditAs }) => {
        auditAs({ object: `trace:${params.trace}`, detail: { name: body.name, source: body.source } });
        return traces.addFeedback(caller, { traceId: params.trace, ...query }, body, now);
      },
    }),
    route({
      method: "POST", path: "/api/traces/:trace/dataset-row", access: "contributor", on: "some", operationId: "addTraceToDataset", tag,
      summary: "Add a trace to a dataset, as a row of its next version",
      description: "The row has trace_id, input, output and expected: what the last expectation of the trace said. A new dataset is made as CSV with these columns. Where the dataset's last version has a row of the trace, nothing is added unless `again` says so.",
      params: TraceParams,
      query: OfTeam,
      body: { kind: "json", schema: z.strictObject({ dataset: z.string().min(1).max(128), again: z.boolean().default(false).meta({ description: "Also where the dataset has the trace already" }) }) },
      response: AddedRow,
      handle: ({ params, query, body: { dataset, again }, caller, now, auditAs }) => {
        auditAs({ object: `dataset:${dataset}`, detail: { trace: params.trace } });
        return traces.addDatasetRow(caller, { traceId: params.trace, ...query }, { dataset, again }, now);
      },
    }),
  ];
}
