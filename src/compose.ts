import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeTar } from "./adapters/archive/write-tar.ts";
import { DuckdbChild } from "./adapters/duckdb/duckdb-child.ts";
import { DuckdbPredictionArchive } from "./adapters/duckdb/duckdb-prediction-archive.ts";
import { DuckdbReferenceProfiler } from "./adapters/duckdb/duckdb-reference-profiler.ts";
import { FilesystemBlobStore } from "./adapters/filesystem/blob-store.ts";
import { lockDataDirectory } from "./adapters/filesystem/data-directory-lock.ts";
import { artifactBackupSource, blobBackupSource, predictionLogBackupSource } from "./adapters/filesystem/frozen-folders.ts";
import { replicaName } from "./adapters/filesystem/replica-name.ts";
import { SegmentPredictionLog } from "./adapters/filesystem/prediction-log/segment-prediction-log.ts";
import { OnnxInspector } from "./adapters/onnx/onnx-inspector.ts";
import { pinoLogger } from "./adapters/pino/pino-logger.ts";
import { openSqlDatabase, SqlBlobOwners, SqlMeasurementStore, SqlRegistryStore, SqlStatisticsStore, SqlTruthStore, tableBackupSource, migrations } from "./adapters/sql/index.ts";
import { allRoutes } from "./all-routes.ts";
import { BackupService } from "./backup/index.ts";
import { TlsFiles } from "./adapters/tls/tls-files.ts";
import { childEnvironment, postureOf, type Config } from "./config/index.ts";
import { AnswerMemory } from "./core/answer-memory.ts";
import { answerMemoryBytes, BodyBudget, bodyMemoryBytes } from "./core/body-budget.ts";
import { epochMs, systemClock, type Clock, type EpochMs } from "./core/clock.ts";
import { AppError } from "./core/errors.ts";
import { EventBus } from "./core/events.ts";
import { TimeOrderedIds } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import { stopInOrder, stopTogether, type StopBounds, type StopStep } from "./core/stop-in-order.ts";
import { TurnedAway } from "./core/turned-away.ts";
import { slipwayVersion } from "./core/version.ts";
import { announceRegistryChange, pruneEvents, Refresher, systemAlarm } from "./events/index.ts";
import { databaseDialect, movedDatabaseName } from "./database-dialect.ts";
import { serverChecks } from "./doctor.ts";
import { openAccess } from "./open-access.ts";
import { openEvaluation } from "./open-evaluation.ts";
import { openDatasets } from "./open-datasets.ts";
import { openDeliveries, openOutbox } from "./open-events.ts";
import { openExporting } from "./open-exporting.ts";
import { openGateway, type LocalSearch, type OpenedGateway } from "./open-gateway.ts";
import { openImporting } from "./open-importing.ts";
import { openModels } from "./open-models.ts";
import { openRollouts, type OpenedRollouts } from "./open-rollouts.ts";
import { openScoring } from "./open-scoring.ts";
import { openTracing } from "./open-tracing.ts";
import { openTracking } from "./open-tracking.ts";
import { openWorkflows, type OpenedWorkflows } from "./open-workflows.ts";
import { GrpcServer } from "./grpc/grpc-server.ts";
import { loadConsoleFiles } from "./http/console-files.ts";
import { HttpServer } from "./http/http-server.ts";
import { openApiDocument } from "./http/openapi.ts";
import { RouteTable } from "./http/route-table.ts";
import { LiveFeed, MonitoringService } from "./monitoring/index.ts";
import { Policy, RegistryService } from "./registry/index.ts";
import { AbTestCounts, RolloutFigures } from "./rollouts/index.ts";
import { bothObservers, grpcHealthService, openInferenceGrpcService, PredictionTracing, ServingInference, ServingService } from "./serving/index.ts";

/** A running server. */
export interface Slipway {
  url: string;
  httpPort: number;
  grpcPort: number;
  /** Where a platform calls one model without a key; null where none is called so. */
  scoringPort: number | null;
  /** For the first admin of a server that asks for keys; whoever has it makes an admin key. Null where there is an admin. */
  setupToken: string | null;
  /** Models that should serve are loaded. */
  whenReady(): Promise<void>;
  /** Reads the certificate's files now; without, changes are noticed within half a minute. */
  reloadCertificate(): Promise<void>;
  /** Answers what was accepted, writes what is pending, ends every child process. */
  stop(): Promise<void>;
}

const consoleDirectory = fileURLToPath(new URL("../dist/console", import.meta.url));
const dayMs = 86_400_000;

/** Opens everything that the configuration names and starts listening. Throws CONFIG_INVALID, DATA_DIRECTORY_IN_USE, DATABASE_NEWER. */
export async function startSlipway(config: Config, options: { clock?: Clock; logger?: Logger; localSearch?: LocalSearch } = {}): Promise<Slipway> {
  const opened: StopStep[] = [];
  const logger = options.logger ?? pinoLogger(config.logLevel);
  try {
    return await open(config, { ...options, logger }, (...step) => opened.push(step));
  } catch (error) {
    // Half a server would hold the port and the data, and answer for nothing. Why it did not start is what is told.
    await stopInOrder(opened.reverse(), stopBounds(logger)).catch(() => undefined);
    throw error;
  }
}

/** `onFailure` takes what must be closed when a later step fails; the last opened is closed first. */
async function open(config: Config, { clock = systemClock, logger, localSearch }: { clock?: Clock; logger: Logger; localSearch?: LocalSearch }, onFailure: (...step: StopStep) => void): Promise<Slipway> {
  const posture = postureOf(config);
  const { tlsCertificate, tlsKey } = config;
  const tls = tlsCertificate === undefined || tlsKey === undefined ? undefined : await TlsFiles.open({ certificate: tlsCertificate, key: tlsKey }, { clock, logger });
  onFailure("certificate", () => tls?.close());
  const lock = await lockDataDirectory(config.data);
  onFailure("lock", () => lock.release());
  const ids = new TimeOrderedIds(clock);
  const events = new EventBus();
  const environment = childEnvironment();
  const startedAt = clock.now();

  assertNotMoved(config);
  const openedDatabase = await openSqlDatabase(await databaseDialect(config.databaseUrl ?? join(config.data, "slipway.db"), { clock, connections: config.databaseConnections }), { now: startedAt });
  onFailure("database", () => openedDatabase.close());
  const openedOutbox = openOutbox(openedDatabase, logger);
  const { database, outbox, follower } = openedOutbox;
  const registryStore = new SqlRegistryStore(database, ids);
  const truth = new SqlTruthStore(database);
  // Servers on one database share the folder too: any of them serves what was deployed on another.
  const artifacts = config.artifacts ?? config.data;
  const blobs = new FilesystemBlobStore({ directory: artifacts, clock });
  const tracking = openTracking({ config, database, artifacts, clock, ids });
  const duckdb = new DuckdbChild({ environment, logger });
  const runtimeOptions = { logger, environment, intraOpThreads: config.intraOpThreads };
  const owners = new SqlBlobOwners(database);
  const profiler = new DuckdbReferenceProfiler(duckdb);
  const datasets = openDatasets({ database, blobs, owners, profiler, duckdb, tracking, ids });
  const tracing = openTracing({ config, database, tracking, datasets, blobs, owners, ledger: () => gateway.ledger, clock, ids, logger });
  onFailure("tracing", () => tracing.stop());
  const turnedAway = new TurnedAway();
  const answers = new AnswerMemory(answerMemoryBytes(), undefined, turnedAway);
  const { runtime, sources, requireLocalSource, ...models } = await openModels({ config, database, blobs, tracking, datasets: datasets.service, duckdb, environment, secrets: () => opened.secrets, answers, clock, ids, logger });
  const registry = new RegistryService({ store: registryStore, blobs, owners, inspector: new OnnxInspector(runtimeOptions), profiler, sources, requireLocalSource, upstreams: models.upstreams, lookups: models.lookups, events, heldData: datasets.heldData });
  const log = await SegmentPredictionLog.open({
    directory: config.data, clock, logger,
    archive: new DuckdbPredictionArchive({ environment, logger }),
    signatureOf: async (model, version) => (await registryStore.findVersion(model, version))?.contract.signature ?? null,
  });
  onFailure("predictions", () => log.stop());
  const defaultPolicy = Policy.parse({});
  onFailure("DuckDB", () => duckdb.close());
  const monitoring: MonitoringService = new MonitoringService({
    store: new SqlStatisticsStore(database, replicaName(config.data)), clock, logger,
    served: () => serving.views(),
    policyOf: (model) => (serving.modelNames.includes(model) ? serving.policy(model) : defaultPolicy),
    logBacklogBytes: () => log.backlogBytes,
    routesCutOff: () => rollouts.replica.state.isCutOff,
  });
  const figures = new RolloutFigures({ onHardFailure: (route, arm, reason) => rollouts.trip(route, arm, reason) });
  const counts = new AbTestCounts();
  const serving: ServingService = new ServingService({
    registry, blobs, measurements: new SqlMeasurementStore(database), machine: kindOfMachine(), runtime, log, observer: monitoring, traffic: bothObservers(figures, counts), isRolledOut: (model) => rollouts.rollouts.isUnderWay(model), events, clock, ids, logger,
    tracing: new PredictionTracing({ sink: tracing.sink, clock, share: config.traceServing, teamOf: (model) => registry.teamOf(model) }),
  });
  onFailure("serving", () => stopTogether([["serving", () => serving.stop()], ["monitoring", () => monitoring.stop()]]));
  const backup = new BackupService({
    sources: [tableBackupSource(database), blobBackupSource(artifacts), artifactBackupSource(artifacts), predictionLogBackupSource(config.data)],
    writeArchive: writeTar, staging: join(config.data, "backup-staging"), version: slipwayVersion, schema: migrations.length, notes: tracking.backupNotes, logger,
  });
  await backup.recover();
  const doctor = serverChecks({ config, database, clock, serving, monitoring });
  const live = new LiveFeed({ monitoring, served: () => serving.views(), sees: (caller, subject) => rollouts.sees(caller, subject), events });

  const opened = await openAccess({ config, posture, database, clock, ids, logger, teamOf: (kind, name) => (kind === "model" ? registry.teamOf(name) : kind === "experiment" ? tracking.access.teamOf(name) : kind === "route" ? gateway.catalog.teamOf(name) : null), routeName: (name) => gateway.catalog.resolve(name)?.name ?? null });
  const { access } = opened;
  const setupToken = await opened.setup.begin(startedAt);
  const gateway: OpenedGateway = await openGateway({ config, posture, database, follower, spans: tracing.sink, served: tracing.served, serving, registry, access, endRollouts: (...ended) => rollouts.endOfRoute(...ended), secrets: opened.secrets, answers, turnedAway, localSearch, clock, ids, logger });
  onFailure("gateway", () => gateway.stop());
  const { dispatcher, webhooks } = openDeliveries({ config, outbox: openedOutbox, secrets: opened.secrets, clock, ids, logger });

  const ownerOf = async (run: string): Promise<string> => (await workflows.find(run)).owner;
  const importing = openImporting({ config, tracking, catalog: registry.catalog, ownerOf });
  const exporting = openExporting({ models, tracking, registry, blobs, owners, onnx: runtimeOptions, ownerOf });
  const evaluation = openEvaluation({ database, ids, registry, registryStore, blobs, runtime, duckdb, workflows: () => workflows });
  dispatcher.subscribe(evaluation.evaluations.subscriber);
  const rollouts: OpenedRollouts = openRollouts({
    config, posture, database, registry, registryStore, blobs, serving, gateway, log, truth, environment, events, clock, ids, logger,
    access: () => access, workflows: () => ({ service: workflows, commands }), url: () => url,
  }, figures, counts);
  dispatcher.subscribe(rollouts.subscriber);
  const { workflows, streams, commands, ...engine }: OpenedWorkflows = await openWorkflows({
    config, database, environment, clock, ids, logger, definitions: [importing.definition, evaluation.definition, exporting.definition, rollouts.definition],
    maintenance: [
      { name: "collect blobs", run: async () => blobs.collect(new Set([...(await registryStore.listArtifactDigests()), ...(await datasets.store.listDigests())]), dayMs) },
      { name: "remove unused Python environments", run: models.removeUnusedEnvironments },
      { name: "remove unused headers of servers upstream", run: async (now) => models.removeUnusedHeaders(new Set(await registryStore.listArtifactDigests()), now) },
      // An upload may itself take a day, and is noted by its beginning.
      { name: "forget old uploads", run: (now) => owners.pruneUploads(epochMs(now - 2 * dayMs)) },
      { name: "remove old events", run: (now) => pruneEvents(outbox, now) }, tracing.maintenance, gateway.ledger.maintenance,
      // Where servers share a database, each has its own predictions, and one of them has this run.
      ...(config.databaseUrl === undefined ? [{ name: "remove old predictions", each: () => serving.modelNames, run: prunePredictions }] : []),
    ],
  });

  const ports = { httpPort: 0, grpcPort: 0 };
  let reference: string | undefined;
  const table: RouteTable = new RouteTable(
    allRoutes({
      registry, blobs, serving, monitoring, live, log, truth, backup, outbox, webhooks, workflows, streams, tracking, datasets, importing, evaluation, exporting, rollouts, tracing, gateway, access: opened, doctor: [...doctor, ...gateway.checks(rollouts.servers), opened.check, tracing.check, rollouts.check],
      system: {
        version: slipwayVersion, startedAt, isReady: () => serving.isReady, databaseAnswers: () => database.isReachable(), ports: () => ports,
        executionProviders: () => Promise.resolve(models.executionProviders()),
        openApi: () => (reference ??= JSON.stringify(openApiDocument(table.routes, { version: slipwayVersion }))),
      },
    }),
  );
  const bodyBudget = new BodyBudget(bodyMemoryBytes(config.maxInferenceBytes), turnedAway);
  const http = new HttpServer({ ...config, bodyBudget, turnedAway, allowedHosts: posture.allowedHosts, secure: posture.secure, tls }, { table, console: loadConsoleFiles(consoleDirectory), access: access.gate, clock, ids, logger });
  ports.httpPort = await http.listen();
  onFailure("HTTP", () => http.destroy());
  const inference = new ServingInference(serving, (model) => registry.teamOf(model));
  const grpc = new GrpcServer(
    { host: config.host, port: config.grpcPort >= 0 ? config.grpcPort : config.port === 0 ? 0 : ports.httpPort + 1, maxMessageBytes: config.maxInferenceBytes, messageTimeoutMs: config.bodyTimeoutMs, readerTimeoutMs: config.readerTimeoutMs, maxConnections: config.maxConnections, turnedAway, tls },
    { services: [openInferenceGrpcService(inference, slipwayVersion), grpcHealthService(inference)], access: access.gate, ids, clock, logger, budget: bodyBudget },
  );
  ports.grpcPort = await grpc.listen();
  onFailure("gRPC", () => grpc.drain(0));
  const scoring = await openScoring({ config, inference, gate: access.gate, bodyBudget, turnedAway, clock, ids, logger });
  onFailure("scoring", () => scoring.destroy());

  const servedModels = new Refresher({ refresh: (model) => serving.follow(model), alarm: systemAlarm, logger });
  follower.follow((event) => {
    if (openedOutbox.own.take(event.id)) return;
    announceRegistryChange(event, events);
    rollouts.follow(event);
    if (event.type === "model.deleted" || event.type === "model.renamed") registry.forgetTeam(event.object.slice("model:".length));
    if (event.type === "key.revoked" || event.type === "key.rotated") access.known.forget(event.object.slice("key:".length));
    if (event.object.startsWith("model:")) servedModels.request(event.object.slice("model:".length));
  });
  events.on("model.changed", ({ model }) => servedModels.request(model));
  follower.keepFresh("teams of models", () => false, async () => registry.forgetTeams());
  // Before anything is read that it keeps fresh.
  await follower.start();
  onFailure("events", () => follower.stop());
  dispatcher.start();
  onFailure("deliveries", () => dispatcher.stop());
  for (const champion of await registry.champions()) await monitoring.restore(champion, startedAt);
  await serving.start();
  const routed = rollouts.start();
  onFailure("rollouts", () => rollouts.stop());
  await engine.start();
  onFailure("workflows", () => engine.stop());
  let [ticks, stopping]: [number, Promise<void> | undefined] = [0, undefined];
  const ticker = setInterval(() => {
    const now = clock.now();
    monitoring.tick(now);
    void access.tick(now);
    opened.audit.tick(now);
    if (ticks++ % 2 === 0) live.tick(now);
    if (ticks % 3600 === 1 && config.databaseUrl !== undefined) void pruneOwnPredictions(now);
  }, 1000);
  onFailure("ticker", () => clearInterval(ticker));

  /** Answers with how many files went. */
  function prunePredictions(now: EpochMs, model: string): Promise<number> {
    return log.prune(model, now - serving.policy(model).log.retentionDays * dayMs);
  }

  async function pruneOwnPredictions(now: EpochMs): Promise<void> {
    try {
      for (const model of serving.modelNames) await prunePredictions(now, model);
    } catch (cause) {
      logger.warn("predictions.not_pruned", { cause });
    }
  }

  const url = `${tls === undefined ? "http" : "https"}://${callableHost(config.host)}:${ports.httpPort}`;
  await opened.record("server.started", startedAt, { version: slipwayVersion, access: posture.mode, host: config.host, tls: tls !== undefined, setupOpen: setupToken !== null });
  logger.info("server.started", { url, grpcPort: ports.grpcPort, version: slipwayVersion, startMs: clock.now() - startedAt });
  return {
    url,
    ...ports,
    scoringPort: scoring.port,
    setupToken,
    whenReady: async () => void (await Promise.all([serving.whenLoaded(), routed])),
    reloadCertificate: async () => tls?.reload(),
    stop: () => (stopping ??= stopInOrder([
      ["ticker", () => clearInterval(ticker)], ["live figures", () => live.stop()], ["served models", () => servedModels.stop()], ["events", () => follower.stop()], ["models", () => models.close()],
      // What was accepted is answered, and has bounds of its own; a call that waits for a limit has not begun.
      ["requests, deliveries and runs", () => stopTogether([["waiting calls", () => gateway.endWaitingAfter(config.drainMs)], ["HTTP", () => http.drain(config.drainMs)], ["scoring", () => scoring.drain(config.drainMs)], ["gRPC", () => grpc.drain(Math.max(config.drainMs, 5000))], ["deliveries", () => dispatcher.stop()], ["workflows", () => engine.stop()]], { stepMs: Infinity }), Infinity],
      ["rollouts", () => rollouts.stop()], ["serving", () => serving.stop()], ["gateway", () => gateway.stop()], ["tracing", () => tracing.stop()], ["access", () => access.tick(clock.now())],
      ["audit", () => opened.record("server.stopped", clock.now(), {}).catch((cause: unknown) => logger.warn("audit.not_written", { cause }))], ["audit's end", () => opened.audit.close()],
      ["certificate", () => tls?.close()], ["predictions", () => log.stop()], ["monitoring", () => monitoring.stop()], ["DuckDB", () => duckdb.close()], ["database", () => database.close()], ["lock", () => lock.release()],
    ], stopBounds(logger)).finally(() => logger.info("server.stopped"))),
  };
}

function stopBounds(logger: Logger): StopBounds {
  return { stepMs: 60_000, onFailure: (step, cause) => logger.error("server.step_not_ended", { step, cause }) };
}

/** Measurements of one hold for the other: processor, architecture, Node. */
function kindOfMachine(): string {
  return `${cpus()[0]?.model ?? "unknown"} ${process.arch} node-${process.versions.node}`;
}

/** An empty database in the place of the one that was moved would look like the loss of everything. */
function assertNotMoved({ data, databaseUrl }: Config): void {
  if (databaseUrl !== undefined || existsSync(join(data, "slipway.db")) || !existsSync(join(data, movedDatabaseName))) return;
  throw new AppError("CONFIG_INVALID", `The tables of this data directory were moved to Postgres: give its address as SLIPWAY_DATABASE_URL. To go back to SQLite, rename ${movedDatabaseName} to slipway.db.`);
}

/** A name by which this machine reaches the server; the addresses that stand for all of its own are none. */
function callableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
