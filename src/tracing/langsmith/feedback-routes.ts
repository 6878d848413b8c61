import { z } from "zod";
import type { Caller } from "../../core/caller.ts";
import { AppError } from "../../core/errors.ts";
import { HttpAnswer, route, type Route, type RouteRequest } from "../../core/route.ts";
import { teamHeader, teamOfSender } from "../trace-access.ts";
import type { FoundFeedback } from "../trace-store.ts";
import type { TraceService } from "../trace-service.ts";
import { changedFeedback, wireFeedback } from "./feedback.ts";
import { hexOf } from "./runs.ts";

const tag = "Traces";
const mostRuns = 100;
const FeedbackParams = z.strictObject({ feedback: z.string().max(64) });
const Texts = z.array(z.string().max(250)).max(mostRuns).optional();
/** Each as a list: clients repeat them. Others are passed over. */
const FeedbackQuery = z.object({ run: Texts, key: Texts, source: Texts, limit: z.array(z.coerce.number().int().min(1).max(100)).optional(), offset: z.array(z.coerce.number().int().min(0)).optional() });
const changed = (): HttpAnswer => new HttpAnswer(200, { "content-type": "application/json" }, "{}");
const Changed = { mediaType: "application/json", description: "An empty object" };

/** Feedback as LangSmith's clients read, change and remove it. It is changed in the team to which the caller's feedback goes. */
export function langsmithFeedbackRoutes(traces: TraceService): Route[] {
  const ofSender = async ({ caller, headers, params }: Pick<RouteRequest<z.infer<typeof FeedbackParams>, unknown, unknown>, "headers" | "params"> & { caller: Caller }): Promise<FoundFeedback> => {
    const team = teamOfSender(caller, headers[teamHeader]);
    return required((await traces.findFeedback(caller, { ids: [params.feedback] })).find((found) => found.team === team), params.feedback);
  };
  return [
    route({
      method: "GET", path: "/langsmith/feedback", access: "viewer", on: "some", operationId: "langsmithListFeedback", tag, summary: "Feedback on runs, as LangSmith's clients ask for it",
      description: "What was given with an id that is no UUID, as by others than LangSmith's clients, is not among it.", query: FeedbackQuery, repeatedQuery: true, response: z.array(z.looseObject({})),
      handle: async ({ query: { run, key, source, limit, offset }, caller }) => {
        const runs = run?.map(hexOf).filter((id) => id !== null) ?? [];
        if (runs.length === 0) throw new AppError("INVALID_REQUEST", "Name the runs, by their UUIDs (run_ids, runIds). Traces with a feedback of a name: GET /api/traces?feedback=NAME.");
        // A run that is a root has its trace's id; of any other, a span in its trace has half of it.
        const traceIds = (await traces.tracesOfRuns(caller, runs)).map(({ traceId }) => traceId);
        const found = await traces.findFeedback(caller, { traceIds: runs, spans: { traceIds, spanIds: runs.map((id) => id.slice(16)) } });
        // Python's client sends a member of its enumeration as it prints it.
        const sources = source?.map((text) => text.slice(text.lastIndexOf(".") + 1).toLowerCase());
        const listed = found.filter(({ feedback: { name, sourceId } }) => (key === undefined || key.includes(name)) && (sources === undefined || sources.includes(sourceId)))
          .map(({ feedback }) => wireFeedback(feedback)).filter((feedback) => feedback !== null);
        const from = offset?.at(-1) ?? 0;
        return listed.slice(from, from + (limit?.at(-1) ?? mostRuns));
      },
    }),
    route({
      method: "GET", path: "/langsmith/feedback/:feedback", access: "viewer", on: "some", operationId: "langsmithGetFeedback", tag, summary: "One feedback, as LangSmith's clients read it", params: FeedbackParams, response: z.looseObject({}),
      handle: async ({ params, caller }) => {
        const [found] = await traces.findFeedback(caller, { ids: [params.feedback] });
        return required(found === undefined ? null : wireFeedback(found.feedback), params.feedback);
      },
    }),
    route({
      method: "PATCH", path: "/langsmith/feedback/:feedback", access: "contributor", on: "some", audited: false, operationId: "langsmithUpdateFeedback", tag, summary: "What changed of a feedback: its next revision", params: FeedbackParams,
      body: { kind: "json", schema: z.looseObject({}) }, response: Changed,
      handle: async (request) => {
        const { team, feedback } = await ofSender(request);
        await traces.writeFeedback({ team, traceId: feedback.traceId }, changedFeedback(feedback, request.body, request.caller.actor), request.now);
        return changed();
      },
    }),
    route({
      method: "DELETE", path: "/langsmith/feedback/:feedback", access: "contributor", on: "some", audited: false, operationId: "langsmithDeleteFeedback", tag, summary: "Remove a feedback", params: FeedbackParams, response: Changed,
      handle: async (request) => {
        const { team, feedback } = await ofSender(request);
        await traces.removeFeedback({ team, traceId: feedback.traceId }, feedback.id, request.now);
        return changed();
      },
    }),
  ];
}

function required<Found>(found: Found | null | undefined, id: string): Found {
  if (found === null || found === undefined) throw new AppError("TRACE_NOT_FOUND", `There is no feedback ${JSON.stringify(id)}.`);
  return found;
}
