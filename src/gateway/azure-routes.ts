import { z } from "zod";
import { route, type HttpAnswer, type Route } from "../core/route.ts";
import type { CallContext } from "./calls/call-context.ts";
import { parseBody } from "./calls/parse-body.ts";
import { editNativeBody } from "./protocols/index.ts";

const Segment = z.string().min(1).max(400);
/** Azure's own clients put the model into the path as it is, with its slashes: PROVIDER/MODEL, of a provider of many vendors PROVIDER/VENDOR/MODEL. */
const forms = [
  { path: ":deployment", params: z.strictObject({ deployment: Segment }), of: "", means: "The deployment is the name of a route, or PROVIDER/MODEL with %2F for its slash." },
  { path: ":provider/:own", params: z.strictObject({ provider: Segment, own: Segment }), of: "Direct", means: "The deployment is PROVIDER/MODEL." },
  { path: ":provider/:vendor/:own", params: z.strictObject({ provider: Segment, vendor: Segment, own: Segment }), of: "DirectVendor", means: "The deployment is PROVIDER/VENDOR/MODEL." },
] as const;

/** What Azure's clients call: the model stands in the path, and in the body or not. */
export function azureRoutes(
  body: { kind: "buffer"; maxBytes: number; description: string }, errorBody: NonNullable<Route["errorBody"]>,
  calls: Readonly<Record<"chat/completions" | "completions" | "embeddings", (body: Uint8Array, context: CallContext) => Promise<HttpAnswer>>>, contextOf: (request: CallContext) => CallContext,
): Route[] {
  const names = { "chat/completions": "Chat", completions: "Completion", embeddings: "Embeddings" } as const;
  const protocols = { "chat/completions": "openai-chat", completions: "openai-completions", embeddings: "openai-embeddings" } as const;
  return (["chat/completions", "completions", "embeddings"] as const).flatMap((operation) => forms.map(({ path, params, of, means }) =>
    route({
      method: "POST", path: `/openai/deployments/${path}/${operation}`, access: "viewer", on: "some", audited: false, operationId: `createAzure${names[operation]}${of}`, tag: "OpenAI API",
      summary: `What /v1/${operation} answers, at the path that clients of Azure OpenAI ask${of === "" ? "" : `, past all routes: ${path.replaceAll(":", "").toUpperCase()}`}`, description: `${means} Any api-version is taken.`,
      params, body,
      response: { mediaType: "application/json", description: "As the protocol's reference has it" }, errorBody,
      handle: (request) => {
        // What is edited has to be JSON.
        parseBody(request.body);
        return calls[operation](editNativeBody(request.body, protocols[operation], { model: Object.values(request.params).join("/") }), contextOf(request));
      },
    })));
}
