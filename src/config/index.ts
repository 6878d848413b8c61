export { Config } from "./config.ts";
export { childEnvironment, environmentValue, installerEnvironment, loadConfig } from "./load-config.ts";
export { postureOf, type Posture } from "./posture.ts";
export { scoringDoorOf, type ScoringDoor } from "./scoring-door.ts";
export type { GroupGrant } from "./setting-values.ts";
