export * from "./schemas.ts";
export { exportWorkflow } from "./export-workflow.ts";
export type { ConversionSession, ConvertedModel, ModelConverter, OriginalModel } from "./model-converter.ts";
export type { LocatedModel, OriginalModels } from "./original-models.ts";
export { exportRoutes } from "./routes.ts";
