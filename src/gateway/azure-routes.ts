import { z } from "zod";
import { route, type HttpAnswer, type Route } from "../core/route.ts";
import type { CallContext } from "./calls/call-context.ts";
import { parseBody } from "./calls/parse-body.ts";
import { editNativeBody } from "./protocols/index.ts";

/** What Azure's clients call: the model stands in the path, and in the body or not. */
export function azureRoutes(
  body: { kind: "buffer"; maxBytes: number; description: string }, errorBody: NonNullable<Route["errorBody"]>,
  calls: Readonly<Record<"chat/completions" | "completions" | "embeddings", (body: Uint8Array, context: CallContext) => Promise<HttpAnswer>>>, contextOf: (request: CallContext) => CallContext,
): Route[] {
  const names = { "chat/completions": "Chat", completions: "Completion", embeddings: "Embeddings" } as const;
  const protocols = { "chat/completions": "openai-chat", completions: "openai-completions", embeddings: "openai-embeddings" } as const;
  return (["chat/completions", "completions", "embeddings"] as const).map((operation) =>
    route({
      method: "POST", path: `/openai/deployments/:deployment/${operation}`, access: "viewer", on: "some", audited: false, operationId: `createAzure${names[operation]}`, tag: "OpenAI API",
      summary: `What /v1/${operation} answers, at the path that clients of Azure OpenAI ask`, description: "The deployment is the name of a route, or PROVIDER/MODEL with %2F for its slash. Any api-version is taken.",
      params: z.strictObject({ deployment: z.string().min(1).max(400) }), body,
      response: { mediaType: "application/json", description: "As the protocol's reference has it" }, errorBody,
      handle: (request) => {
        // What is edited has to be JSON.
        parseBody(request.body);
        return calls[operation](editNativeBody(request.body, protocols[operation], { model: request.params.deployment }), contextOf(request));
      },
    }));
}
