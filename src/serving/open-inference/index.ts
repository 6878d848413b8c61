export { grpcHealthService, openInferenceGrpcService } from "./grpc-service.ts";
export { platformRoutes } from "./platform-routes.ts";
export { openInferenceRoutes } from "./routes.ts";
