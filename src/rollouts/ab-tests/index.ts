export { AbTestCounts } from "./ab-test-counts.ts";
export { AbTestKeeper } from "./ab-test-keeper.ts";
export { AbTestService } from "./ab-test-service.ts";
export type { AbTestStore } from "./ab-test-store.ts";
export { abTestCommands } from "./commands.ts";
export { abTestRoutes } from "./routes.ts";
export { AbTestReport, type AbTestComparison, type AbTestLook, type AbTestOutcome, type AbTestSpec, type NewAbTest } from "./schemas.ts";
