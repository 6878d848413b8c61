import type { MetricFamily } from "../../core/metric-family.ts";
import { billedTokens, nanoDollars } from "../../ledger/index.ts";
import type { CallEnding, EndedUse } from "./call-ending.ts";
import type { CallObserver, CallRecord } from "./call-record.ts";

/** Seconds and tokens: the bounds that the GenAI conventions give for each histogram. */
const durationBounds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92] as const;
const firstChunkBounds = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
const tokenBounds = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864] as const;
/** What is beyond is counted as `other`. */
const mostSeries = 1000;
/** Of these, for models that callers name past all routes, and for those of one provider: however many names it answers to, routes keep their series. */
const [mostDirect, mostDirectOfProvider] = [300, 100];
const other = "other";

class Histogram {
  readonly #bounds: readonly number[];
  /** Not added up; those above the last bound at the end. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    let index = 0;
    while (index < this.#bounds.length && value > this.#bounds[index]!) index++;
    this.#counts[index]!++;
    this.#sum += value;
  }

  samples(labels: Record<string, string>): MetricFamily["samples"] {
    let count = 0;
    const buckets = [...this.#counts].map((added, index) => ({ suffix: "_bucket", labels: { ...labels, le: String(this.#bounds[index] ?? "+Inf") }, value: (count += added) }));
    return count === 0 ? [] : [...buckets, { suffix: "_sum", labels, value: this.#sum }, { suffix: "_count", labels, value: count }];
  }
}

/** What calls of one operation on one model came to. */
class CallSeries {
  readonly team: string;
  readonly labels: { route: string; provider: string; model: string };
  readonly operation: string;
  readonly outcomes = new Map<string, number>();
  readonly duration = new Histogram(durationBounds);
  readonly firstChunk = new Histogram(firstChunkBounds);
  /** Of one answer; of input with what came from or went to a cache. */
  readonly inputOfCalls = new Histogram(tokenBounds);
  readonly outputOfCalls = new Histogram(tokenBounds);
  input = 0;
  cacheRead = 0;
  cacheWrite = 0;
  output = 0;
  cost = 0;
  unpriced = 0;
  fallbacks = 0;

  constructor(team: string, labels: CallSeries["labels"], operation: string) {
    this.team = team;
    this.labels = labels;
    this.operation = operation;
  }

  used({ usage, cost }: EndedUse): void {
    const tokens = billedTokens(usage);
    this.input += tokens.input ?? 0;
    this.cacheRead += tokens.cacheRead ?? 0;
    this.cacheWrite += (tokens.cacheWrite ?? 0) + (tokens.cacheWriteHour ?? 0);
    this.output += tokens.output ?? 0;
    this.cost += cost ?? 0;
  }
}

/** Counts calls where they end, for `/metrics`, since this process started. */
export class CallMetrics implements CallObserver {
  readonly #series = new Map<string, CallSeries>();
  readonly #directOf = new Map<string, number>();
  readonly #nameOf: (provider: string) => string;
  #direct = 0;

  /** `nameOf`: what the GenAI conventions call a provider. */
  constructor(nameOf: (provider: string) => string = (entered) => entered) {
    this.#nameOf = nameOf;
  }

  ended(record: CallRecord, { outcome, error, totalMs, cost, uses }: CallEnding): void {
    const { attribution, attempts, target, usage } = record;
    const last = target ?? attempts.at(-1);
    const seriesOf = (provider: string, model: string): CallSeries => this.#of(attribution.team, attribution.route ?? "", provider, model, record.operation, outcome !== "failed");
    const series = seriesOf(last?.provider ?? "", last?.model ?? "");
    const name = outcome === "failed" ? (error?.code ?? outcome) : outcome;
    series.outcomes.set(name, (series.outcomes.get(name) ?? 0) + 1);
    // Another target than the first answered, or was the last that failed.
    if (attempts.length > 1 && last !== undefined && (attempts[0]!.provider !== last.provider || attempts[0]!.model !== last.model)) series.fallbacks++;
    if (outcome === "cached") return;
    // As the ledger has it: each provider's own, also of attempts that were outrun or failed.
    for (const use of uses) (use.provider === last?.provider && use.model === last.model ? series : seriesOf(use.provider, use.model)).used(use);
    if (cost === null && target !== null) series.unpriced++;
    if (outcome !== "ok") return;
    series.duration.add(totalMs / 1000);
    if (usage.inputTokens !== null) series.inputOfCalls.add(usage.inputTokens);
    if (usage.outputTokens !== null) series.outputOfCalls.add(usage.outputTokens);
    if (record.firstByteMs !== null) series.firstChunk.add(record.firstByteMs / 1000);
  }

  /** Of the calls of teams that are to be seen. */
  families(sees: (team: string) => boolean): MetricFamily[] {
    const seen = [...this.#series.values()].filter(({ team }) => sees(team));
    const of = ({ team, labels }: CallSeries): Record<string, string> => ({ team, ...labels });
    const counter = (name: string, help: string, values: (series: CallSeries) => [more: Record<string, string>, value: number][]): MetricFamily => ({
      // Operations on one model share its line.
      name, help, type: "counter", samples: summed(seen.flatMap((series) => values(series).map(([more, value]) => ({ labels: { ...of(series), ...more }, value })))),
    });
    const histogram = (name: string, help: string, values: (series: CallSeries) => readonly [more: Record<string, string>, values: Histogram][]): MetricFamily => ({
      name, help, type: "histogram",
      samples: seen.flatMap((series) => values(series).flatMap(([more, each]) =>
        each.samples({
          team: series.team, route: series.labels.route, provider: series.labels.provider, gen_ai_operation_name: series.operation, gen_ai_provider_name: this.#nameOf(series.labels.provider),
          gen_ai_request_model: series.labels.model, ...more,
        }))),
    });
    return [
      counter("slipway_gateway_requests_total", "Calls of language models by outcome: ok, cached, cancelled or an error code.", ({ outcomes }) => [...outcomes].map(([outcome, value]) => [{ outcome }, value])),
      counter("slipway_gateway_tokens_total", "Tokens of calls; input is without what came from or went to a provider's cache.", ({ input, cacheRead, cacheWrite, output }) => [[{ type: "input" }, input], [{ type: "cache_read" }, cacheRead], [{ type: "cache_write" }, cacheWrite], [{ type: "output" }, output]]),
      counter("slipway_gateway_cost_dollars_total", "Cost of calls in US dollars, without those whose price is not known.", ({ cost }) => [[{}, cost / nanoDollars]]),
      counter("slipway_gateway_unpriced_total", "Calls whose price is not known.", ({ unpriced }) => [[{}, unpriced]]),
      counter("slipway_gateway_fallbacks_total", "Calls that ended with another target than the first that was asked.", ({ fallbacks }) => [[{}, fallbacks]]),
      counter("slipway_gateway_cache_hits_total", "Calls that were answered from the cache.", ({ outcomes }) => [[{}, outcomes.get("cached") ?? 0]]),
      histogram("gen_ai_client_operation_duration_seconds", "Time of calls that were answered by a provider, all attempts included.", ({ duration }) => [[{}, duration]]),
      histogram("gen_ai_client_operation_time_to_first_chunk_seconds", "Time until the first byte of an answer came from its provider.", ({ firstChunk }) => [[{}, firstChunk]]),
      histogram("gen_ai_client_token_usage", "Tokens of calls that were answered by a provider; input is with what came from or went to its cache.", ({ inputOfCalls, outputOfCalls }) => [[{ gen_ai_token_type: "input" }, inputOfCalls], [{ gen_ai_token_type: "output" }, outputOfCalls]]),
    ];
  }

  /** `answered`: only then a name that the caller chose is taken for one of a model. */
  #of(team: string, route: string, provider: string, model: string, operation: string, answered: boolean): CallSeries {
    const key = `${team}\n${route}\n${provider}\n${model}\n${operation}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const isDirect = route.includes("/");
    if (isDirect ? answered && this.#takesDirect(provider) : this.#series.size < mostSeries) return this.#made(key, team, { route, provider, model }, operation);
    const rest = `${other}\n${operation}\n${team}`;
    return this.#series.get(rest) ?? this.#made(rest, team, { route: other, provider: other, model: other }, operation);
  }

  #takesDirect(provider: string): boolean {
    const ofProvider = this.#directOf.get(provider) ?? 0;
    if (this.#series.size >= mostSeries || this.#direct >= mostDirect || ofProvider >= mostDirectOfProvider) return false;
    this.#directOf.set(provider, ofProvider + 1);
    this.#direct++;
    return true;
  }

  #made(key: string, team: string, labels: CallSeries["labels"], operation: string): CallSeries {
    const made = new CallSeries(team, labels, operation);
    this.#series.set(key, made);
    return made;
  }
}

function summed(samples: MetricFamily["samples"]): MetricFamily["samples"] {
  const sums = new Map<string, MetricFamily["samples"][number]>();
  for (const sample of samples) {
    const key = JSON.stringify(Object.values(sample.labels));
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { ...sample });
    else sum.value += sample.value;
  }
  return [...sums.values()];
}
