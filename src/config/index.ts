export { Config } from "./config.ts";
export { childEnvironment, environmentName, loadConfig, serverUrl } from "./load-config.ts";
