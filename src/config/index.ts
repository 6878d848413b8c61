export { Config } from "./config.ts";
export { childEnvironment, clientApiKey, environmentValue, installerEnvironment, loadConfig, serverUrl } from "./load-config.ts";
export { postureOf, type Posture } from "./posture.ts";
export type { GroupGrant } from "./setting-values.ts";
