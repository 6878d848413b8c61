export { Config } from "./config.ts";
export { childEnvironment, loadConfig, serverUrl } from "./load-config.ts";
