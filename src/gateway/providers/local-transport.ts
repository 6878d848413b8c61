import { isDeepStrictEqual } from "node:util";
import { systemClock, type Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import { eventsOf, type ChatEvent } from "../conversation/chat-event.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import { embeddingsDocument, parseEmbeddings } from "../protocols/embeddings.ts";
import { openAiChat } from "../protocols/openai-chat/openai-chat.ts";
import { parseRerank, rerankDocument } from "../protocols/rerank.ts";
import type { TransportAnswer, TransportRequest, UpstreamTransport } from "../routing/upstream-transport.ts";
import type { ProviderKind } from "../schemas.ts";
import { echoProvider } from "./echo/echo.ts";
import type { LocalProvider } from "./local-provider.ts";
import { scriptedProvider } from "./scripted/scripted.ts";
import { parseFields, textOf, type Fields } from "./wire-value.ts";

const providers: Partial<Readonly<Record<ProviderKind, LocalProvider>>> = { echo: echoProvider, scripted: scriptedProvider };
/** Into so many pieces at most a streamed text is cut. */
const mostPieces = 64;

/** Answers requests to local providers (`echo`, `scripted`) within this process, in OpenAI's protocol, and hands all others on: nothing else of the gateway needs to know of them. */
export function localTransport(next: UpstreamTransport, clock: Clock = systemClock): UpstreamTransport {
  const turns = new CallTurns();
  return {
    send(request) {
      const provider = providers[request.settings.kind];
      return provider === undefined ? next.send(request) : answer(request, provider, turns, clock);
    },
    close: () => next.close(),
  };
}

/** Counts the calls of each provider; from the start again where its script has changed. */
class CallTurns {
  readonly #turns = new Map<string, { script: unknown; turn: number }>();

  take({ provider, settings }: TransportRequest): number {
    const known = this.#turns.get(provider);
    const turn = known !== undefined && (known.script === settings.script || isDeepStrictEqual(known.script, settings.script)) ? known.turn + 1 : 0;
    this.#turns.set(provider, { script: settings.script, turn });
    return turn;
  }
}

async function answer(request: TransportRequest, provider: LocalProvider, turns: CallTurns, clock: Clock): Promise<TransportAnswer> {
  request.onSent?.();
  const operation = request.url.pathname.slice(1);
  if (operation === "models") return json(200, { object: "list", data: [{ id: request.settings.kind, object: "model", created: 0, owned_by: "slipway" }] });
  const body = parseFields(typeof request.body === "string" ? request.body : Buffer.from(request.body ?? "").toString("utf8"));
  if (body === null) return failed(400, "The body is not a JSON object.");
  const frame = { id: "", model: textOf(body.model), created: Math.floor(clock.now() / 1000) };
  try {
    if (operation === "chat/completions") return await chat(openAiChat.parse(body), body, frame, request, provider, turns.take(request));
    if (operation === "embeddings") {
      const asked = parseEmbeddings(body);
      return json(200, embeddingsDocument(provider.embeddings(asked, frame.model), frame, asked.encoding));
    }
    if (operation === "rerank") {
      const { request: asked, returnDocuments } = parseRerank(body);
      return json(200, rerankDocument(provider.rerank(asked, frame.model), frame, asked, returnDocuments));
    }
  } catch (error) {
    if (error instanceof AppError && error.status === 400) return failed(400, [error.message, ...error.problems.map(({ path, message }) => `${path} ${message}`)].join(" "));
    throw error;
  }
  return failed(404, "A local provider has chats, embeddings and reranking.");
}

async function chat(asked: ChatRequest, body: Fields, frame: { id: string; model: string; created: number }, { settings, signal }: TransportRequest, provider: LocalProvider, turn: number): Promise<TransportAnswer> {
  const { answer: given, delayMs, failure } = provider.chat(asked, textOf(body.model), settings, turn);
  await wait(delayMs, signal);
  if (failure !== undefined) return failed(failure.status, failure.message);
  const ownFrame = { ...frame, id: `chatcmpl-${given.id}` };
  if (!asked.stream) return json(200, openAiChat.answer(given, ownFrame, asked));
  const writer = openAiChat.stream(ownFrame, asked);
  return { status: 200, headers: { "content-type": "text/event-stream" }, body: stream([...pieces(given).map((event) => writer.write(event)), writer.end(() => given.parts)], signal) };
}

/** Throws where the call is ended before or meanwhile. */
function wait(milliseconds: number, signal: TransportRequest["signal"]): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => {
      clearTimeout(timer);
      reject(new AppError("PROVIDER_UNAVAILABLE", "The call was ended before the provider answered.", { cause: signal.reason }));
    };
    const timer = milliseconds > 0 && !signal.aborted ? setTimeout(() => {
      signal.removeEventListener("abort", ended);
      resolve();
    }, milliseconds) : undefined;
    if (signal.aborted) ended();
    else if (timer === undefined) resolve();
    else signal.addEventListener("abort", ended, { once: true });
  });
}

/** The answer's events, its text cut between words. */
function pieces(given: ChatAnswer): ChatEvent[] {
  return eventsOf(given).flatMap((event): ChatEvent[] => {
    if (event.type !== "text") return [event];
    const words = event.text.match(/\s*\S+|\s+$/g) ?? [event.text];
    const each = Math.ceil(words.length / mostPieces);
    return Array.from({ length: Math.ceil(words.length / each) }, (_, index) => ({ type: "text", text: words.slice(index * each, (index + 1) * each).join("") }));
  });
}

async function* stream(texts: readonly string[], signal: TransportRequest["signal"]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    await wait(0, signal);
    if (text !== "") yield Buffer.from(text);
  }
}

function json(status: number, document: unknown): TransportAnswer {
  return { status, headers: { "content-type": "application/json" }, body: once(Buffer.from(JSON.stringify(document))) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function failed(status: number, message: string): TransportAnswer {
  return json(status, { error: { message, type: "local_provider_error", code: null, param: null } });
}
