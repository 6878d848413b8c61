export * from "./schemas.ts";
export type { ImportSource, SourceArtifacts, SourceExperiment, SourceFile, SourceLoggedModel, SourceModel, SourcePage, SourceRun, SourceVersion } from "./import-source.ts";
export { importWorkflow, type ImportParts } from "./import-workflow.ts";
export { importRoutes } from "./routes.ts";
