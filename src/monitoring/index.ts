export * from "./schemas.ts";
export { LiveFeed } from "./live-feed.ts";
export { MonitoringService } from "./monitoring-service.ts";
export { monitoringRoutes } from "./routes.ts";
export { monitoringChecks } from "./doctor-checks.ts";
