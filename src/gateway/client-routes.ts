import { z } from "zod";
import type { AppError } from "../core/errors.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import { azureRoutes } from "./azure-routes.ts";
import { errorHeaders } from "./calls/answer-headers.ts";
import type { CallContext } from "./calls/call-context.ts";
import type { ChatCalls, ChatProtocolName } from "./chats/chat-calls.ts";
import type { CallableModels } from "./settings/callable-models.ts";
import { chatProtocols, cohereError, modelsDocument, speaksAnthropic } from "./protocols/index.ts";
import type { Protocol } from "./providers/provider-mapping.ts";
import type { SideCalls } from "./calls/side-calls.ts";

export interface ClientRouteParts {
  chats: ChatCalls;
  sides: SideCalls;
  callable: CallableModels;
}

/** Images and documents come in the body. */
const maxBodyBytes = 64 << 20;
const tag = "OpenAI API";
const anthropicTag = "Anthropic API";
const cohereTag = "Cohere API";
const openAiError = errorOf("openai-chat", chatProtocols["openai-chat"].error);
const anthropicError = errorOf("anthropic-messages", chatProtocols["anthropic-messages"].error);
const rerankError = errorOf("rerank", cohereError);

/** What clients of OpenAI, Anthropic and Cohere call; `base_url` is this server with `/v1`, for Anthropic without. */
export function clientRoutes({ chats, sides, callable }: ClientRouteParts): Route[] {
  const chat = (path: string, name: ChatProtocolName, operationId: string, summary: string): Route =>
    route({
      method: "POST", path, access: "viewer", on: "some", audited: false, operationId, tag: name === "anthropic-messages" ? anthropicTag : tag, summary,
      description: "The model is the name of a route, PROVIDER/MODEL, or the well-known name of a model whose provider is here. With stream, server-sent events in the same protocol.",
      body: { kind: "buffer", maxBytes: maxBodyBytes, description: "As the protocol's reference has it" },
      response: { mediaType: "application/json", description: "As the protocol's reference has it; headers X-Slipway-* tell target, trace, cost, cache, and what was dropped or emulated; x-ratelimit-*, of Anthropic's protocol anthropic-ratelimit-*, what the limits of key and route have left" },
      errorBody: name === "anthropic-messages" ? anthropicError : openAiError,
      handle: (request) => chats.answer(name, request.body, contextOf(request)),
    });
  const side = (path: string, operationId: string, summary: string, errorBody: NonNullable<Route["errorBody"]>, answer: (body: Uint8Array, context: CallContext) => Promise<HttpAnswer>): Route =>
    route({
      method: "POST", path, access: "viewer", on: "some", audited: false, operationId, tag: errorBody === anthropicError ? anthropicTag : errorBody === rerankError ? cohereTag : tag, summary,
      body: { kind: "buffer", maxBytes: maxBodyBytes, description: "As the protocol's reference has it" },
      response: { mediaType: "application/json", description: "As the protocol's reference has it" },
      errorBody,
      handle: (request) => answer(request.body, contextOf(request)),
    });
  return [
    chat("/v1/chat/completions", "openai-chat", "createChatCompletion", "Chat in OpenAI's protocol"),
    chat("/v1/completions", "openai-completions", "createCompletion", "Complete a text in OpenAI's older protocol"),
    chat("/v1/responses", "openai-responses", "createResponse", "Chat in OpenAI's responses protocol"),
    chat("/v1/messages", "anthropic-messages", "createMessage", "Chat in Anthropic's protocol"),
    side("/v1/messages/count_tokens", "countMessageTokens", "Count the tokens of a chat in Anthropic's protocol", anthropicError, (body, context) => sides.countTokens(body, context)),
    side("/v1/embeddings", "createEmbeddings", "Vectors of texts in OpenAI's protocol", openAiError, (body, context) => sides.embeddings(body, context)),
    side("/v1/rerank", "createRerank", "Order documents by a question in Cohere's protocol", rerankError, (body, context) => sides.rerank(body, context)),
    // Below /v2 there is Open Inference's protocol.
    { ...side("/v2/rerank", "createRerankV2", "The same, at the path that Cohere's clients ask", rerankError, (body, context) => sides.rerank(body, context)), isGuest: true },
    ...azureRoutes(
      { kind: "buffer", maxBytes: maxBodyBytes, description: "As the protocol's reference has it; the deployment of the path goes before its model" }, openAiError,
      { "chat/completions": (body, context) => chats.answer("openai-chat", body, context), completions: (body, context) => chats.answer("openai-completions", body, context), embeddings: (body, context) => sides.embeddings(body, context) }, contextOf,
    ),
    route({
      method: "GET", path: "/v1/models", access: "viewer", on: "some", operationId: "listCallableModels", tag, summary: "The routes that the caller may call, in OpenAI's or Anthropic's form",
      response: { mediaType: "application/json", description: "OpenAI's list; Anthropic's for callers who send anthropic-version" }, errorBody: openAiError,
      handle: (request) => new HttpAnswer(200, { "Content-Type": "application/json" }, JSON.stringify(modelsDocument(callable.listed(request.caller), speaksAnthropic(request.headers)))),
    }),
    // Clients that do not escape the slash of PROVIDER/MODEL; GET /v1/models/NAME is among the routes of served models, whose names go before.
    route({
      method: "GET", path: "/v1/models/:provider/*", access: "viewer", on: "some", operationId: "getDirectModel", tag, summary: "One model that the caller may call as PROVIDER/MODEL",
      params: z.strictObject({ provider: z.string().min(1).max(128), "*": z.string().min(1).max(256) }),
      response: { mediaType: "application/json", description: "OpenAI's model; Anthropic's for callers who send anthropic-version" }, errorBody: openAiError,
      handle: ({ params, caller, headers }) => {
        const { provider, "*": own } = params;
        const document = callable.document(caller, headers, `${provider}/${own}`);
        if (document === null) throw callable.missing(caller, `${provider}/${own}`);
        return new HttpAnswer(200, { "Content-Type": "application/json" }, JSON.stringify(document));
      },
    }),
  ];
}

/** With the headers that clients of this protocol look for; without any, its body alone. */
function errorOf(name: Protocol, document: (error: AppError, requestId: string) => unknown): NonNullable<Route["errorBody"]> {
  return (error, requestId) => {
    const body = document(error, requestId);
    const headers = errorHeaders(error, requestId, name);
    return Object.keys(headers).length === 0 ? body : new HttpAnswer(error.status, headers, JSON.stringify(body));
  };
}

function contextOf({ caller, callerNow, headers, requestId, now, signal, whenAnswered }: CallContext): CallContext {
  return { caller, callerNow, headers, requestId, now, signal, whenAnswered };
}
