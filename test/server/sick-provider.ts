import type { ServerResponse } from "node:http";
import type { SeededRandom } from "../kit/seeded-random.ts";
import { answerJson, type UpstreamAnswer, type UpstreamCall } from "./gateway-upstream.ts";

/** Pieces of each answer. */
export const answerPieces = 6;
/** What a piece says: who answers, to what, and the how manieth it is. */
export const pieceOf = (provider: string, question: string, piece: number): string => `${provider}:${question}:${piece} `;

interface Frames {
  whole: object;
  pieces: string[];
  rest: string[];
}

/** One answer in OpenAI's protocol that says who gave it and to which question, so that one which is mixed, cut or given twice is seen. */
function framesOf(provider: string, id: string, question: string): Frames {
  const frame = { id, created: 1, model: "m" };
  const parts = Array.from({ length: answerPieces }, (_, piece) => pieceOf(provider, question, piece));
  const usage = { prompt_tokens: 1, completion_tokens: answerPieces, total_tokens: answerPieces + 1 };
  const chunk = (delta: object, reason: string | null): string => `data: ${JSON.stringify({ ...frame, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
  return {
    whole: { ...frame, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: parts.join("") }, finish_reason: "stop" }], usage },
    pieces: parts.map((content) => chunk({ content }, null)),
    rest: [chunk({}, "stop"), `data: ${JSON.stringify({ ...frame, choices: [], usage })}\n\n`, "data: [DONE]\n\n"],
  };
}

type Wrong = (response: ServerResponse, frames: Frames) => void;

const json = { "content-type": "application/json" };
const events = { "content-type": "text/event-stream" };
const reset = (response: ServerResponse): void => void response.socket?.resetAndDestroy();
const role = 'data: {"id":"sick","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n';

/** What is over at once, before any of the answer's content: another provider can still give it. */
const failing: Readonly<Record<string, Wrong>> = {
  "429 with Retry-After": (response) => answerJson(response, { error: { message: "Slow down." } }, 429, { "retry-after": "1" }),
  "429 without": (response) => answerJson(response, { error: { message: "Slow down." } }, 429),
  "529": (response) => void response.writeHead(529).end("Overloaded."),
  "502 and a long page": (response) => void response.writeHead(502, { "content-type": "text/html" }).end("<html>".repeat(1000)),
  "reset before the head": reset,
  "reset within the head": (response) => void response.socket?.write("HTTP/1.1 200 OK\r\ncontent-ty", () => reset(response)),
  "wrong JSON": (response) => answerJson(response, { hello: "I am no provider" }),
};
const failingWhole: typeof failing = {
  ...failing,
  "half of the JSON": (response, { whole }) => void response.writeHead(200, json).end(JSON.stringify(whole).slice(0, 90)),
  "reset within the JSON": (response, { whole }) => void response.writeHead(200, json).write(JSON.stringify(whole).slice(0, 90), () => reset(response)),
};
const failingStream: typeof failing = {
  ...failing,
  "half a frame and a reset": (response) => void response.writeHead(200, events).write(role.slice(0, 40), () => reset(response)),
  "a role and a reset": (response) => void response.writeHead(200, events).write(role, () => reset(response)),
  "a role and an end": (response) => void response.writeHead(200, events).end(role),
  "an error for a first event": (response) => void response.writeHead(200, events).end('data: {"error":{"message":"Overloaded.","type":"server_error"}}\n\n'),
  "a frame of wrong JSON": (response) => void response.writeHead(200, events).end(`${role}data: {"id":"sick","choices":[{\n\n`),
  "nothing but the end": (response) => void response.writeHead(200, events).end("data: [DONE]\n\n"),
};
/** What costs the time that the route gives an attempt. */
const endless: typeof failing = {
  "silence": () => undefined,
  "a head and silence": (response) => void response.writeHead(200, events).flushHeaders(),
};
const endlessStream: typeof failing = {
  ...endless,
  "a drip of comments": (response) => {
    response.writeHead(200, events);
    const drip = (): void => void (response.destroyed || response.write(": wait\n\n", () => setTimeout(drip, 20)));
    drip();
  },
};
/** After the first content: nobody else may go on, so the caller must be told. */
const breaking: typeof failing = {
  "content and a reset": (response, { pieces }) => void response.writeHead(200, events).write(role + pieces[0]! + pieces[1]!, () => reset(response)),
  "content and an end": (response, { pieces }) => void response.writeHead(200, events).end(role + pieces[0]!),
  "content and half a frame": (response, { pieces }) => void response.writeHead(200, events).end(pieces[0]! + pieces[1]!.slice(0, 50)),
  "content and wrong JSON": (response, { pieces, rest }) => void response.writeHead(200, events).end(`${pieces[0]!}data: {"choices":[}\n\n${rest.join("")}`),
  "content and an error": (response, { pieces }) => void response.writeHead(200, events).end(`${pieces[0]!}data: {"error":{"message":"Overloaded.","type":"server_error"}}\n\n`),
};

/** Not drawn: where nobody else can answer, a call would wait for it. */
const asksForPatience: typeof failing = { "429 with a long Retry-After": (response) => answerJson(response, { error: { message: "Slow down." } }, 429, { "retry-after": "30" }) };

/** All that is over before an answer's first content, so that another provider can still give it, by the name of what goes wrong. */
export const wrongsBeforeContent: Readonly<Record<"whole" | "stream", readonly string[]>> = {
  whole: Object.keys({ ...failingWhole, ...asksForPatience, ...endless }), stream: Object.keys({ ...failingStream, ...asksForPatience, ...endlessStream }),
};
/** Whether it takes the time that the route gives an attempt. */
export const isEndless = (kind: string): boolean => kind in endlessStream;

export interface SickProviderOptions {
  name: string;
  random: SeededRandom;
  /** The share of its answers that go wrong now. */
  share(): number;
  /** Of those, how many say nothing until they are given up, and how many streams break after their first content. */
  endless: number;
  broken: number;
  /** What goes wrong with this question, of `wrongsBeforeContent`, in place of a draw. */
  wrongOf?: (question: string) => string | undefined;
  now(): number;
}

/** A provider that is sound or sick in turns, and remembers what it did to whom. */
export class SickProvider {
  /** By question: when it first failed before any content, in the milliseconds of `now`. */
  readonly failedAt = new Map<string, number>();
  /** By question: when it first did something wrong, which is no later than it failed. */
  readonly wrongAt = new Map<string, number>();
  /** Questions whose stream was broken after its first content. */
  readonly broken = new Set<string>();
  /** How often each thing went wrong. */
  readonly wrongs = new Map<string, number>();
  answered = 0;
  readonly #options: SickProviderOptions;

  constructor(options: SickProviderOptions) {
    this.#options = options;
  }

  readonly answer: UpstreamAnswer = ({ body }: UpstreamCall, response) => {
    const { name, random, share, endless: silent, broken, wrongOf, now } = this.#options;
    const { messages, stream = false } = body as unknown as { messages: [{ content: string }]; stream?: boolean };
    const question = messages[0].content;
    const frames = framesOf(name, `${name}-${this.answered++}`, question);
    const asked = wrongOf?.(question);
    if (asked === undefined && random.next() >= share()) return stream ? flow(response, [...frames.pieces, ...frames.rest]) : answerJson(response, frames.whole);
    const breaks = asked === undefined && stream && random.next() < broken;
    const drawn = breaks ? breaking : random.next() < silent ? (stream ? endlessStream : endless) : stream ? failingStream : failingWhole;
    const kinds = asked === undefined ? drawn : { ...failingWhole, ...failingStream, ...asksForPatience, ...endlessStream };
    const kind = asked ?? random.pick(Object.keys(drawn));
    if (!this.wrongAt.has(question)) this.wrongAt.set(question, now());
    this.wrongs.set(kind, (this.wrongs.get(kind) ?? 0) + 1);
    if (breaks) this.broken.add(question);
    // Over when the last byte is out, the connection is cut, or the gateway has given it up.
    else response.once("close", () => void (this.failedAt.has(question) || this.failedAt.set(question, now())));
    kinds[kind]!(response, frames);
  };
}

/** Piece by piece, so that streams of many callers are under way at the same time. */
function flow(response: ServerResponse, parts: string[]): void {
  response.writeHead(200, events);
  const next = (): void => {
    const part = parts.shift();
    if (part === undefined) response.end();
    else response.write(part, () => setImmediate(next));
  };
  next();
}

/** What a caller got. */
export interface ChaosOutcome {
  status: number;
  /** Of every chunk, or of the one answer. */
  ids: string[];
  text: string;
  /** whole; told: a stream that broke off and said so; silent: one that just ended; refused: no answer. */
  end: "whole" | "told" | "silent" | "refused";
  /** When its first content was there, in the milliseconds of `now`. */
  firstAt: number;
}

interface ChatDocument {
  id: string;
  choices?: { delta?: { content?: string }; message?: { content: string } }[];
  error?: unknown;
}

/** Asks a question by raw HTTP and reads what comes. */
export async function askChaos(url: string, headers: Readonly<Record<string, string>>, asked: { question: string; stream: boolean }, now: () => number): Promise<ChaosOutcome> {
  const body = JSON.stringify({ model: "chaos", stream: asked.stream, messages: [{ role: "user", content: asked.question }] });
  const reply = await fetch(url, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body });
  let text = "";
  let firstAt = NaN;
  const decoder = new TextDecoder();
  let isCut = false;
  try {
    for await (const chunk of reply.body!) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (Number.isNaN(firstAt) && (!asked.stream || text.includes(asked.question))) firstAt = now();
    }
  } catch {
    isCut = true;
  }
  if (reply.status !== 200) return { status: reply.status, ids: [], text, end: "refused", firstAt };
  const documents = (asked.stream ? text.split("\n\n").filter((part) => part.startsWith("data: {")).map((part) => part.slice(6)) : [text]).map((part) => JSON.parse(part) as ChatDocument);
  const isTold = documents.some(({ error }) => error !== undefined);
  const content = documents.map(({ choices }) => choices?.[0]?.message?.content ?? choices?.[0]?.delta?.content ?? "").join("");
  const end = isTold ? "told" : isCut || (asked.stream && !text.endsWith("data: [DONE]\n\n")) ? "silent" : "whole";
  return { status: 200, ids: documents.filter(({ error }) => error === undefined).map(({ id }) => id), text: content, end, firstAt };
}

/** Whether an answer is one provider's whole answer to this question. */
export function isWholeAnswer({ text, ids }: ChaosOutcome, question: string): boolean {
  const [provider = ""] = text.split(":");
  return new Set(ids).size === 1 && text === Array.from({ length: answerPieces }, (_, piece) => pieceOf(provider, question, piece)).join("");
}
