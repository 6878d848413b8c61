export { grpcHealthService, openInferenceGrpcService } from "./grpc-service.ts";
export type {
  DurationTotal, InferenceCall, InferenceDoor, InferenceResult, InferenceService, ModelDescription, RepositoryEntry, VersionStatistics,
} from "./inference-service.ts";
export { openInferenceRoutes } from "./routes.ts";
