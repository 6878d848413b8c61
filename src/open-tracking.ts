import { randomBytes, randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { ArtifactFiles } from "./adapters/filesystem/artifact-files.ts";
import { SharedFolders } from "./adapters/filesystem/shared-folders.ts";
import { SqlLoggedModelStore, SqlTrackingStore, type SqlDatabase } from "./adapters/sql/index.ts";
import { SqlViewStore } from "./adapters/sql/tracking/sql-view-store.ts";
import type { Config } from "./config/index.ts";
import type { Caller } from "./core/caller.ts";
import type { Clock } from "./core/clock.ts";
import { AppError } from "./core/errors.ts";
import type { IdGenerator } from "./core/ids.ts";
import { isLocalLocation, localPathOf } from "./core/local-path.ts";
import type { Route } from "./core/route.ts";
import { artifactRoutes, type ArtifactRouteParts, downloadUri, mlflowRegistryRoutes, mlflowTrackingRoutes, runFilter, runOrder } from "./mlflow/index.ts";
import type { RegistryService, VersionSource } from "./registry/index.ts";
import { ArtifactLocations, artifactPathOf, ArtifactService, ExperimentAccess, LoggedModelService, TrackingService, trackingRoutes, type ArtifactPlace, type ArtifactStore, type LoggedModelStore, type TrackingStore, type ViewStore } from "./tracking/index.ts";

interface Parts {
  config: Pick<Config, "artifactRoots" | "defaultArtifactRoot">;
  database: SqlDatabase;
  /** Folder of the artifacts; servers on one database share it. */
  artifacts: string;
  clock: Clock;
  ids: IdGenerator;
}

export interface OpenedTracking {
  store: TrackingStore;
  loggedModelStore: LoggedModelStore;
  artifactStore: ArtifactStore;
  locations: ArtifactLocations;
  /** What backups do not carry, in sentences for people. */
  backupNotes: readonly string[];
  views: ViewStore;
  ids: IdGenerator;
  access: ExperimentAccess;
  tracking: TrackingService;
  models: LoggedModelService;
  artifacts: ArtifactService;
}

/** Experiments, runs, artifacts and logged models on their stores. */
export function openTracking({ config, database, artifacts: directory, clock, ids }: Parts): OpenedTracking {
  const store = new SqlTrackingStore(database, ids);
  const loggedModels = new SqlLoggedModelStore(database);
  const artifactStore = new ArtifactFiles({ directory, clock });
  const roots = config.artifactRoots.flatMap((root) => localPathOf(root) ?? []);
  const locations = new ArtifactLocations({ roots, defaultRoot: config.defaultArtifactRoot, workingFolder: resolve() });
  const access = new ExperimentAccess(store, loggedModels);
  const random = (): number => randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
  const runId = (): string => randomUUID().replaceAll("-", "");
  return {
    store, loggedModelStore: loggedModels, artifactStore, locations, access, ids,
    backupNotes: locations.isShared ? ["Artifacts in shared folders (SLIPWAY_ARTIFACT_ROOTS) are not in it: back those folders up by themselves."] : [],
    views: new SqlViewStore(database),
    tracking: new TrackingService({ store, access, locations, random, runId }),
    models: new LoggedModelService({ store: loggedModels, tracking: store, access, random, runId }),
    artifacts: new ArtifactService({ store: artifactStore, locations, shared: new SharedFolders(roots), teamOfExperiment: (id) => access.teamOf(id) }),
  };
}

/** The console's routes and those of MLflow's wire. */
export function openedTrackingRoutes(parts: OpenedTracking, registry: RegistryService, files: Pick<ArtifactRouteParts, "written" | "made">): Route[] {
  const { store, views, ids, access, tracking, models, artifacts } = parts;
  // Calls and not bound methods: the reference is generated from routes that have no server behind them.
  const versions = {
    catalog: registry.catalog,
    takesLocalPaths: () => parts.locations.isShared,
    loggedModel: (...given: Parameters<LoggedModelService["model"]>) => models.model(...given),
    tagLoggedModel: (...given: Parameters<LoggedModelService["setTags"]>) => models.setTags(...given),
  };
  return [
    ...trackingRoutes({
      store, views, ids, parseFilter: runFilter, parseOrder: runOrder,
      visible: (caller) => access.visible(caller),
      requireExperiment: async (caller, role, experiment) => access.requireExperiment(caller, role, experiment),
      requireRun: async (caller, role, run) => void (await access.requireRun(caller, role, run)),
    }),
    ...mlflowRegistryRoutes(versions),
    ...mlflowTrackingRoutes({ tracking, models, artifacts }),
    ...artifactRoutes({
      artifacts, ...files,
      run: async (caller, run) => tracking.run(caller, run),
      loggedModel: async (caller, model) => models.model(caller, model),
      filesOfVersion: async (caller, model, version) => filesOfVersion(parts, registry, await downloadUri(versions, caller, model, version), { caller, model, version }),
    }),
  ];
}

/** Where a local path leads among the artifacts of the run or the logged model that is named with it, in a shared folder; null where it leads elsewhere or the caller may not see either. */
export async function placeOfLocalSource({ tracking, models, artifacts }: OpenedTracking, caller: Caller, { uri, runId, loggedModel }: VersionSource): Promise<ArtifactPlace | null> {
  const model = loggedModel === undefined ? null : await models.model(caller, loggedModel).catch(unlessMissing);
  const ofModel = model === null ? null : artifacts.placeAt(model, uri);
  if (ofModel !== null || runId === undefined) return ofModel;
  const run = await tracking.run(caller, runId).catch(unlessMissing);
  return run === null ? null : artifacts.placeAt(run, uri);
}

/** Takes a local path as a source only where `placeOfLocalSource` finds it, and says so in the words that MLflow's clients know. Throws MODEL_SOURCE_INVALID. */
export async function requireLocalSource(opened: OpenedTracking, caller: Caller, source: VersionSource): Promise<void> {
  if ((await placeOfLocalSource(opened, caller, source)) !== null) return;
  const id = source.loggedModel === undefined ? "run_id" : "model_id";
  throw new AppError(
    "MODEL_SOURCE_INVALID",
    `Invalid model version source: '${source.uri.slice(0, 500)}'. To use a local path as a model version source, the ${id} request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the ${id}.`,
  );
}

/** The place of a version's files, of which `uri` is the address. */
async function filesOfVersion(opened: OpenedTracking, registry: RegistryService, uri: string, { caller, model, version }: { caller: Caller; model: string; version: string }): Promise<{ uri: string; place: ArtifactPlace | null }> {
  const kept = artifactPathOf(uri);
  if (kept !== null || !isLocalLocation(uri)) return { uri, place: kept };
  const { runId, loggedModel } = await registry.catalog.version(caller, model, version);
  const owner = { ...(runId === null ? {} : { runId }), ...(loggedModel === null ? {} : { loggedModel }) };
  return { uri, place: await placeOfLocalSource(opened, caller, { uri, ...owner }) };
}

function unlessMissing(error: unknown): null {
  if (error instanceof AppError && error.status < 500) return null;
  throw error;
}
