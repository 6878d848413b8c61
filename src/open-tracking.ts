import { randomBytes, randomUUID } from "node:crypto";
import { ArtifactFiles } from "./adapters/filesystem/artifact-files.ts";
import { SqlLoggedModelStore, SqlTrackingStore, type SqlDatabase } from "./adapters/sql/index.ts";
import { SqlViewStore } from "./adapters/sql/sql-view-store.ts";
import type { Clock } from "./core/clock.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Route } from "./core/route.ts";
import { artifactRoutes, downloadUri, mlflowRegistryRoutes, mlflowTrackingRoutes, runFilter, runOrder } from "./mlflow/index.ts";
import type { RegistryService } from "./registry/index.ts";
import { ArtifactService, ExperimentAccess, LoggedModelService, TrackingService, trackingRoutes, type ArtifactStore, type LoggedModelStore, type TrackingStore, type ViewStore } from "./tracking/index.ts";

interface Parts {
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
  views: ViewStore;
  ids: IdGenerator;
  access: ExperimentAccess;
  tracking: TrackingService;
  models: LoggedModelService;
  artifacts: ArtifactService;
}

/** Experiments, runs, artifacts and logged models on their stores. */
export function openTracking({ database, artifacts: directory, clock, ids }: Parts): OpenedTracking {
  const store = new SqlTrackingStore(database, ids);
  const loggedModels = new SqlLoggedModelStore(database);
  const artifactStore = new ArtifactFiles({ directory, clock });
  const access = new ExperimentAccess(store, loggedModels);
  const random = (): number => randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
  const runId = (): string => randomUUID().replaceAll("-", "");
  return {
    store, loggedModelStore: loggedModels, artifactStore, access, ids,
    views: new SqlViewStore(database),
    tracking: new TrackingService({ store, access, random, runId }),
    models: new LoggedModelService({ store: loggedModels, tracking: store, access, random, runId }),
    artifacts: new ArtifactService({ store: artifactStore, teamOfExperiment: (id) => access.teamOf(id) }),
  };
}

/** The console's routes and those of MLflow's wire. */
export function openedTrackingRoutes(parts: OpenedTracking, registry: RegistryService): Route[] {
  const { store, views, ids, access, tracking, models, artifacts } = parts;
  // Calls and not bound methods: the reference is generated from routes that have no server behind them.
  const versions = {
    catalog: registry.catalog,
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
      artifacts,
      artifactUriOfRun: async (caller, run) => (await tracking.run(caller, run)).artifactUri,
      artifactUriOfLoggedModel: async (caller, model) => (await models.model(caller, model)).artifactUri,
      artifactUriOfVersion: (caller, model, version) => downloadUri(versions, caller, model, version),
    }),
  ];
}
