export * from "./schemas.ts";
export type { BlobStore } from "./blob-store.ts";
export type { ModelInspection, ModelInspector, ModelProbe } from "./model-inspector.ts";
export type { ProfileRequest, ReferenceProfiler, TableColumn } from "./reference-profiler.ts";
export type { RegistryStore } from "./registry-store.ts";
export { RegistryService } from "./registry-service.ts";
export { registryCommands } from "./commands.ts";
export { deployFiles, type DeployFiles } from "./deploy-files.ts";
export { registryRoutes } from "./routes.ts";
