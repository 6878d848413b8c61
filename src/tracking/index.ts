export * from "./schemas.ts";
export type { ArtifactEntry, ArtifactStore } from "./artifact-store.ts";
export type { LoggedModelStore } from "./logged-model-store.ts";
export type { RunChanges, RunMetric, Search, TrackingStore, VisibleExperiments } from "./tracking-store.ts";
export { artifactPathOf, ArtifactService } from "./artifact-service.ts";
export { trackingRoutes } from "./routes.ts";
export type { ViewStore } from "./view-store.ts";
