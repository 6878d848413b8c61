export { AbTestCounts } from "./ab-test-counts.ts";
export { AbTestKeeper } from "./ab-test-keeper.ts";
export { AbTestService } from "./ab-test-service.ts";
export { abTestRoutes } from "./routes.ts";
export type { AbTestOutcome, AbTestReport, NewAbTest } from "./schemas.ts";
