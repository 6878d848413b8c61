export { grpcHealthService, openInferenceGrpcService } from "./grpc-service.ts";
export { openInferenceRoutes } from "./routes.ts";
