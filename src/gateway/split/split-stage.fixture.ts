import { Readable } from "node:stream";
import { AppError } from "../../core/errors.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import { silentLogger } from "../../core/logger.ts";
import type { HttpAnswer } from "../../core/route.ts";
import { BudgetAlerts, BudgetKeeper, MemoryBudgetStore, nanoDollars, PriceBook, type BudgetStore, type LedgerEntry } from "../../ledger/index.ts";
import type { TrafficRoute } from "../../serving/index.ts";
import { trafficRoute } from "../../serving/traffic/traffic-route.fixture.ts";
import type { Span } from "../../tracing/index.ts";
import { AnswerCache, MemoryAnswerCache } from "../cache/index.ts";
import { CallFloor } from "../calls/call-floor.ts";
import { CallLedger } from "../calls/call-ledger.ts";
import { ChatCalls, type ChatProtocolName } from "../chats/chat-calls.ts";
import { GatewayCatalog } from "../settings/gateway-catalog.ts";
import type { GatewayStore } from "../settings/gateway-store.ts";
import { Guardrails } from "../guardrails/index.ts";
import { Admission, MemoryLimitStore } from "../limits/index.ts";
import type { OutputChecker } from "../output/index.ts";
import { providerMappings } from "../providers/provider-mappings.ts";
import { AnswerMemory } from "../../core/answer-memory.ts";
import { TargetCallRunner } from "../routing/call-runner.ts";
import { ManualTime } from "../routing/call-stage.fixture.ts";
import { ProviderHealth } from "../routing/provider-health.ts";
import type { TransportAnswer, TransportRequest, UpstreamTransport } from "../routing/upstream-transport.ts";
import { ProviderSettings, RouteSettings } from "../schemas.ts";
import { SideCalls } from "../calls/side-calls.ts";
import type { TokenCounter } from "../tokens/index.ts";
import { RouteSplits } from "./route-splits.ts";
import { SplitCalls } from "./split-calls.ts";
import type { SplitPair, SplitSample } from "./split-observer.ts";

/** How a model answers. */
export interface ModelScript {
  afterMs?: number;
  status?: number;
  text?: string;
  outputTokens?: number;
  /** Instead of the rest of a stream, after its text. */
  breaks?: boolean;
}

/** A provider of OpenAI's protocol whose models do what a test says. */
class ScriptedModels implements UpstreamTransport {
  readonly scripts: Record<string, ModelScript>;
  readonly asked: { model: string; messages: { role: string; content: string }[] }[] = [];
  readonly ended: string[] = [];
  readonly #time: ManualTime;

  constructor(time: ManualTime, scripts: Record<string, ModelScript>) {
    this.#time = time;
    this.scripts = scripts;
  }

  async send({ url, body, signal, onSent }: TransportRequest): Promise<TransportAnswer> {
    onSent?.();
    const request = JSON.parse(Buffer.from(body as string | Uint8Array).toString()) as { model: string; stream?: boolean; messages: { role: string; content: string }[] };
    const { model } = request;
    this.asked.push({ model, messages: request.messages });
    const { afterMs = 0, status = 200, text = `by ${model}`, outputTokens = 10, breaks = false } = this.scripts[model]!;
    if (afterMs > 0) await this.#time.sleep(afterMs, signal);
    if (signal.aborted) {
      this.ended.push(model);
      throw new AppError("PROVIDER_UNAVAILABLE", "The call was ended.");
    }
    if (status !== 200) return { status, headers: {}, body: Readable.from([Buffer.from(JSON.stringify({ error: { message: text } }))]) };
    if (url.pathname.endsWith("/embeddings")) return { status, headers: {}, body: Readable.from([Buffer.from(JSON.stringify({ object: "list", model, data: [{ object: "embedding", index: 0, embedding: [text.length] }], usage: { prompt_tokens: 10, total_tokens: 10 } }))]) };
    const usage = { prompt_tokens: 10, completion_tokens: outputTokens, total_tokens: 10 + outputTokens };
    if (request.stream !== true) return { status, headers: {}, body: Readable.from([Buffer.from(JSON.stringify({ id: "1", model, choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }], usage }))]) };
    const chunk = (delta: object, finish: string | null = null): Buffer => Buffer.from(`data: ${JSON.stringify({ id: "1", model, choices: [{ index: 0, delta, finish_reason: finish }], usage: finish === null ? null : usage })}\n\n`);
    return {
      status, headers: {},
      body: (async function* () {
        yield chunk({ role: "assistant", content: "" });
        if (text !== "") yield chunk({ content: text });
        if (breaks) throw new AppError("PROVIDER_STREAM_FAILED", "The provider broke off its answer.");
        yield chunk({}, "stop");
        yield Buffer.from("data: [DONE]\n\n");
      })(),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const subject = "route:chat";

/** Of version 1, with the candidate, version 2, at the share that is said. */
export const splitOf = (share: number, change: Partial<TrafficRoute> = {}): TrafficRoute =>
  trafficRoute({ model: subject, arms: share === 0 ? [] : [{ name: "candidate", version: "2", from: 0, to: share }], ...change });

/** A shadow of version 2. */
export const shadowOf = (change: Partial<NonNullable<TrafficRoute["shadow"]>> = {}): TrafficRoute["shadow"] => ({ arm: "candidate", version: "2", share: 1, maxConcurrent: 4, maxPerSecond: 50, ...change });

export const openAiQuestion = (more: object = {}): object => ({ model: "chat", messages: [{ role: "user", content: "hello" }], ...more });

/** Settings of an arm whose model is with an account of its own. */
export const otherAccount = { targets: [{ provider: "others", model: "new" }] };

/** A gateway with one route, `chat`, whose revision 1 is of the model `old` and revision 2 of `new`, on a clock of the test's. Both cost a thousandth of a dollar for a token. */
export async function splitStage(options: { scripts?: Record<string, ModelScript>; stable?: object; candidate?: object; budgets?: BudgetStore; check?: OutputChecker["check"] } = {}) {
  const time = new ManualTime();
  const ids = new TimeOrderedIds(time);
  const models = new ScriptedModels(time, { old: {}, new: {}, ...options.scripts });
  const settingsOf = (model: string, more: object = {}): RouteSettings => RouteSettings.parse({ targets: [{ provider: "models", model }], attempts: 1, ...more });
  const revisions = new Map([[1, settingsOf("old", options.stable)], [2, settingsOf("new", options.candidate)]]);
  const stored = { revision: 1, updatedAt: 0, updatedBy: "local" };
  const store: Partial<GatewayStore> = {
    // `again` is the account of `models` by another name.
    providers: () => Promise.resolve(Object.entries({ models: "models", others: "others", again: "models" }).map(([name, host]) => ({ name, settings: ProviderSettings.parse({ kind: "compatible", baseUrl: `https://${host}.example/v1` }), secret: null, ...stored }))),
    routes: () => Promise.resolve([{ name: "chat", team: "default", settings: revisions.get(1)!, ...stored }]),
    keyPolicies: () => Promise.resolve([]),
  };
  const catalog = new GatewayCatalog({ store: store as GatewayStore, mappings: providerMappings, secrets: () => { throw new Error("There are none."); }, readSecret: () => undefined, clock: time });
  await catalog.load();
  const provider = catalog.provider.bind(catalog);
  const prices = new PriceBook();
  const rates = { input: 1000, output: 1000 };
  prices.load(["models", "others", "again"].map((name) => ({ id: name, provider: name, model: "*", from: 0, rates, above: null, createdAt: 0, createdBy: "local" })));
  const budgets = options.budgets ?? new MemoryBudgetStore({ clock: time });
  const keeper = new BudgetKeeper({ store: budgets, alerts: new BudgetAlerts({ store: { alertOnce: () => Promise.resolve(true) }, logger: silentLogger }), clock: time, ids });
  const entries: LedgerEntry[] = [];
  const spans: Span[] = [];
  /** Traces that sampling was asked for whether it keeps them. */
  const letGo: string[] = [];
  const ledger = { record: (entry: LedgerEntry) => Promise.resolve(void entries.push(entry)) } as unknown as ConstructorParameters<typeof CallLedger>[0]["ledger"];
  const calls = new CallLedger({ prices, keeper, ledger, provider, clock: time, ids });
  const admission = new Admission({ store: new MemoryLimitStore({ clock: time }), clock: time, instance: "test", startTimer: time.alarm });
  const floor = new CallFloor({ catalog, admission, calls, spans: { passesOver: ({ traceId }) => letGo.push(traceId) < 0, emit: (_team, made) => void spans.push(...(typeof made === "function" ? made() : [made])) }, clock: time, logger: silentLogger, observer: { ended: () => undefined } });
  const splits = new RouteSplits({ settingsOf: (_route, revision) => Promise.resolve(revisions.get(revision) ?? null) });
  const told = { samples: [] as SplitSample[], pairs: [] as SplitPair[], skipped: 0 };
  splits.watch({ answered: (sample) => void told.samples.push(sample), paired: (pair) => void told.pairs.push(pair), skipped: () => void told.skipped++ });
  const splitCalls = new SplitCalls({ splits, floor, clock: time, alarm: time.alarm, logger: silentLogger });
  const runner = new TargetCallRunner({ transport: models, provider, health: new ProviderHealth(time), clock: time, random: () => 0.5, alarm: time.alarm, logger: silentLogger });
  const chats = new ChatCalls({
    floor, splits, splitCalls, runner, answers: new AnswerMemory(1 << 30), cache: new AnswerCache({ clock: time, store: new MemoryAnswerCache({ clock: time, maxBytes: 1 << 20 }) }), clock: time, ids,
    guardrailsOf: ({ guardrails }) => (guardrails.length === 0 ? null : new Guardrails(guardrails)),
    // Nobody ends it, and it never answers.
    classify: () => new Promise(() => undefined), embed: () => () => Promise.resolve([]),
    checker: { accept: () => Promise.resolve(), check: options.check ?? (() => Promise.resolve([])) } as unknown as ConstructorParameters<typeof ChatCalls>[0]["checker"],
  });
  const caller = { actor: "local", name: "local", grants: [{ role: "admin" as const, team: "*" }] };
  const sides = new SideCalls({ floor, splits, splitCalls, runner, answers: new AnswerMemory(1 << 30), counter: null as unknown as TokenCounter, clock: time, ids, guardrailsOf: () => null, classify: () => Promise.resolve({}) });
  const embed = (): Promise<HttpAnswer> => sides.embeddings(Buffer.from(JSON.stringify({ model: "chat", input: "hello" })), { caller, headers: {}, requestId: "req_1", now: time.now(), signal: new AbortController().signal });
  const ask = (body: object = openAiQuestion(), { headers = {}, protocol = "openai-chat", signal = new AbortController().signal }: { headers?: Record<string, string>; protocol?: ChatProtocolName; signal?: AbortSignal } = {}): Promise<HttpAnswer> =>
    chats.answer(protocol, Buffer.from(JSON.stringify(body)), { caller, headers, requestId: "req_1", now: time.now(), signal });
  /** What the budget of the route has reserved now, and what is spent of it. */
  const budgetUse = async (): Promise<{ spent: number; reserved: number }> => {
    const [{ spent, reserved } = { spent: -1, reserved: -1 }] = await keeper.useOf("route:chat", { day: 1000 }, time.now());
    return { spent: spent / nanoDollars, reserved };
  };
  return { time, models, splits, splitCalls, told, entries, spans, letGo, ask, embed, budgetUse };
}

/** The whole body of an answer. */
export async function textOf({ body }: HttpAnswer): Promise<string> {
  if (typeof body !== "object" || body === null || !(Symbol.asyncIterator in body)) return Buffer.from(body as Uint8Array | string).toString();
  let text = "";
  for await (const piece of body as AsyncIterable<Uint8Array | string>) text += Buffer.from(piece).toString();
  return text;
}
