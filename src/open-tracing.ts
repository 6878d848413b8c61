import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { NodeEgressClient } from "./adapters/egress/node-egress-client.ts";
import { hasTeam } from "./adapters/sql/access/hold-team.ts";
import { SqlRunDirectory } from "./adapters/sql/tracking/sql-run-directory.ts";
import { SqlTraceStore } from "./adapters/sql/tracing/sql-trace-store.ts";
import { SqlWaitingFeedbackStore } from "./adapters/sql/tracing/sql-waiting-feedback-store.ts";
import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import type { Config } from "./config/index.ts";
import { ownActor, type Caller } from "./core/caller.ts";
import { epochMs, type Clock, type EpochMs } from "./core/clock.ts";
import { counted } from "./core/counted.ts";
import { ok, skipped, warning, type DoctorCheck } from "./core/doctor-check.ts";
import { AppError } from "./core/errors.ts";
import { systemAlarm } from "./events/index.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import type { Route } from "./core/route.ts";
import { stopInOrder } from "./core/stop-in-order.ts";
import { makeTraceFile, mlflowTraceRoutes, readTraceFiles } from "./mlflow/index.ts";
import type { OpenedDatasets } from "./open-datasets.ts";
import type { OpenedLedger } from "./open-ledger.ts";
import type { OpenedTracking } from "./open-tracking.ts";
import type { BlobOwners, BlobStore } from "./registry/index.ts";
import { answeredCosts, BufferedSpanSink, csvColumnHas, langsmithRoutes, samplingRates, ServedCalls, SpanCosts, SpanForwarder, SpanRedaction, TailSampling, TraceService, tracingRoutes, type DatasetRowAdder, type SpanSink } from "./tracing/index.ts";

interface Parts {
  config: Config;
  database: SqlDatabase;
  tracking: OpenedTracking;
  datasets: OpenedDatasets;
  blobs: BlobStore;
  owners: BlobOwners;
  /** Opened later, and before anybody calls. */
  ledger: () => Pick<OpenedLedger, "prices" | "ledger">;
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

export interface OpenedTracing {
  service: TraceService;
  /** For spans that this server makes itself. */
  sink: SpanSink;
  /** To be told of each call that the gateway answered. */
  served: ServedCalls;
  tracking: OpenedTracking;
  clock: Clock;
  teamOfExperiment(caller: Caller, experiment: string): Promise<string>;
  /** An entry of the daily maintenance. */
  maintenance: { name: string; run(now: EpochMs): Promise<number> };
  check: DoctorCheck;
  /** Writes what is pending, and ends the export. */
  stop(): Promise<void>;
}

const dayMs = 86_400_000;
/** For spans above calls that came to this server, where others take spans too. */
const lookEveryMs = 1000;
/** For traces that feedback waits for. */
const lookForTracesEveryMs = 2000;
const sampledSpansWaiting = 50_000;
const longestDatasetBytes = 64 << 20;
/** Of a dataset that is read: a millisecond of work. */
const bytesAtOnce = 256 << 10;

/** Traces on their store, with what is kept of them and where they are sent on. */
export function openTracing({ config, database, tracking, datasets, blobs, owners, ledger, clock, ids, logger }: Parts): OpenedTracing {
  const stopping = new AbortController();
  const forwarder = config.traceExportUrl === undefined ? null : new SpanForwarder({
    url: config.traceExportUrl, authorization: config.traceExportAuthorization, egress: new NodeEgressClient({ allowed: [...config.egressAllowed, ...onThisMachine(config.traceExportUrl)] }), logger,
    pause: (milliseconds) => pause(milliseconds, undefined, { signal: stopping.signal }).catch(() => undefined),
  });
  const sampling = new TailSampling({ rates: samplingRates(config.traceSample), slowMs: config.traceSlowMs, maxWaiting: sampledSpansWaiting });
  const store = new SqlTraceStore(database);
  const served = new ServedCalls();
  const costs = new SpanCosts({
    prices: { priceOf: (...asked) => ledger().prices.priceOf(...asked) }, record: (entry) => ledger().ledger.record(entry), complete: (entries) => ledger().ledger.complete(entries), served,
    answered: async (answerIds) => {
      await sink.settled();
      return answeredCosts(store, answerIds);
    },
    // A database of SQLite has one server.
    kept: config.databaseUrl === undefined ? undefined : (names) => store.named(names),
  });
  const looks = [
    // A database of SQLite has one server.
    ...(config.databaseUrl === undefined ? [] : [new Looks(lookEveryMs, () => costs.lookElsewhere(clock.monotonic()), (cause) => logger.warn("traces.parents-not-read", { cause }))]),
    new Looks(lookForTracesEveryMs, () => service.lookForTraces(clock.now()), (cause) => logger.warn("traces.feedback-not-written", { cause })),
  ];
  const service: TraceService = new TraceService({
    store, runs: new SqlRunDirectory(database), ids, costs, hasTeam: (team) => hasTeam(database, team),
    redaction: new SpanRedaction({ keys: config.traceRedact, content: config.traceContent }),
    sampling,
    settled: () => sink.settled(),
    waiting: new SqlWaitingFeedbackStore(database),
    datasets: new CsvRowAdder(datasets, blobs, owners),
    visible: async (caller) => {
      const visible = await tracking.access.visible(caller);
      const own = ownActor(caller);
      return visible === "all" || own === null ? visible : { ...visible, caller: own };
    },
    ...(forwarder === null ? {} : { forward: (records) => forwarder.forward(records) }),
  });
  const sink = new BufferedSpanSink({ traces: service, sampling, now: () => clock.now(), logger, alarm: systemAlarm });
  return {
    service, sink, served, tracking, clock,
    teamOfExperiment: async (caller, experiment) => {
      await tracking.access.requireExperiment(caller, "contributor", experiment);
      const team = await tracking.access.teamOf(experiment);
      if (team === null) throw new AppError("EXPERIMENT_NOT_FOUND", `No Experiment with id=${experiment.slice(0, 100)} exists`);
      return team;
    },
    maintenance: { name: "remove old traces", run: (now) => service.prune(epochMs(now - config.traceRetentionDays * dayMs), now) },
    check: {
      name: "export of traces",
      async run() {
        if (forwarder === null) return skipped("Traces are sent nowhere else (traceExportUrl).");
        const trouble = await forwarder.trouble();
        const { sent, lost } = forwarder.counts;
        const told = `${counted(sent, "span")} sent on since the start, ${lost} lost.`;
        if (trouble !== null) return warning(`The collector takes no spans: ${trouble}. ${told}`, "Look at the collector, its address (traceExportUrl), its authorization, and egressAllowed; the spans are kept here all the same.");
        return lost === 0 ? ok(`The collector takes spans. ${told}`) : warning(`The collector takes spans now. ${told}`, "It was away or too slow; the log says when (traces.not_exported).");
      },
    },
    stop: () => stopInOrder([["looks", () => Promise.all(looks.map((each) => each.stop()))], ["spans", () => sink.settled()], ["pauses", () => stopping.abort()], ["collector", () => forwarder?.stop()]]),
  };
}

/** Does something again and again, never twice at once. */
class Looks {
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | null = null;

  constructor(everyMs: number, look: () => Promise<void>, failed: (cause: unknown) => void) {
    this.#timer = setInterval(() => {
      this.#looking ??= look().catch(failed).finally(() => (this.#looking = null));
    }, everyMs).unref();
  }

  /** Answers when what is under way has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }
}

/** A collector beside the server is usual, and nobody but the configuration names one: it need not be named twice. Elsewhere it is as any address, so that spans go out over TLS. */
function onThisMachine(address: string): string[] {
  const { hostname, port, protocol } = new URL(address);
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname) ? [`${hostname}:${port !== "" ? port : protocol === "https:" ? 443 : 80}`] : [];
}

/** To be told of each artifact: some are traces. */
export function openedTraceFiles(parts: OpenedTracing): { written: ReturnType<typeof readTraceFiles>; made: ReturnType<typeof makeTraceFile> } {
  return {
    written: (...given) => readTraceFiles({ artifacts: parts.tracking.artifacts, traces: parts.service, teamOfExperiment: (caller, experiment) => parts.teamOfExperiment(caller, experiment) })(...given),
    made: (...given) => makeTraceFile(parts.service)(...given),
  };
}

/** OTLP, the routes of people and the console, and MLflow's wire. */
export function openedTracingRoutes(parts: OpenedTracing): Route[] {
  // Calls and not bound methods: the reference is generated from routes that have no server behind them.
  const traces = parts.service;
  const teamOfExperiment = (caller: Caller, experiment: string): Promise<string> => parts.teamOfExperiment(caller, experiment);
  const requireExperiment = async (...asked: Parameters<OpenedTracking["access"]["requireExperiment"]>): Promise<void> => parts.tracking.access.requireExperiment(...asked);
  return [...tracingRoutes({ traces, teamOfExperiment }), ...langsmithRoutes(traces, { monotonic: () => parts.clock.monotonic() }), ...mlflowTraceRoutes({ traces, teamOfExperiment, requireExperiment })];
}

/** Adds rows to datasets of CSV: the next version is the last one with the row behind it. Rows of one process are added one after the other. */
class CsvRowAdder implements DatasetRowAdder {
  readonly #datasets: OpenedDatasets;
  readonly #blobs: BlobStore;
  readonly #owners: BlobOwners;
  #last: Promise<unknown> = Promise.resolve();

  constructor(datasets: OpenedDatasets, blobs: BlobStore, owners: BlobOwners) {
    this.#datasets = datasets;
    this.#blobs = blobs;
    this.#owners = owners;
  }

  addRow(...given: Parameters<DatasetRowAdder["addRow"]>): ReturnType<DatasetRowAdder["addRow"]> {
    const added = this.#last.then(() => this.#add(...given));
    this.#last = added.catch(() => undefined);
    return added;
  }

  async #add(caller: Caller, dataset: string, row: Readonly<Record<string, string>>, unlessIn: string | null, now: EpochMs): ReturnType<DatasetRowAdder["addRow"]> {
    const { service } = this.#datasets;
    const before = await service.version(caller, dataset).catch((error: unknown) => {
      if (error instanceof AppError && (error.code === "DATASET_NOT_FOUND" || error.code === "DATASET_VERSION_NOT_FOUND")) return null;
      throw error;
    });
    if (before !== null && before.format !== "csv") throw new AppError("NOT_SUPPORTED", `The dataset ${dataset} is no CSV; rows are added to datasets of CSV.`);
    const columns = before?.columns.map(({ name }) => name) ?? Object.keys(row);
    if (!columns.some((column) => row[column] !== undefined)) {
      throw new AppError("INVALID_REQUEST", `The dataset ${dataset} has none of the columns ${Object.keys(row).join(", ")}.`);
    }
    const file = before === null ? null : await this.#blobs.verifiedPath(before.digest);
    const head = file === null ? () => Readable.from([Buffer.from(csvLine(columns))]) : () => createReadStream(file, { highWaterMark: bytesAtOnce });
    if (before !== null && unlessIn !== null && (await csvColumnHas(head, unlessIn, row[unlessIn]!))) return { dataset, version: before.version, rows: before.rows, added: false };
    const { digest } = await this.#blobs.put(Readable.from(withLine(head(), csvLine(columns.map((column) => row[column] ?? "")))), { maxBytes: longestDatasetBytes });
    await this.#owners.noteUpload(digest, caller.actor, now);
    const { version } = await service.add(caller, dataset, { digest, format: "csv", source: "traces", ...(before === null || before.target === null ? {} : { target: before.target }) }, now);
    return { dataset, version: version.version, rows: version.rows, added: true };
  }
}

/** The bytes with a line behind them, which begins one. */
async function* withLine(bytes: AsyncIterable<Uint8Array>, line: string): AsyncGenerator<Uint8Array> {
  let last: number | undefined;
  for await (const chunk of bytes) {
    yield chunk;
    last = chunk.at(-1);
  }
  yield Buffer.from(last === 0x0a ? line : `\n${line}`);
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => `"${cell.replaceAll("\0", "").replaceAll("\"", "\"\"")}"`).join(",")}\n`;
}
