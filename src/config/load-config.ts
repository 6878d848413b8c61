import { existsSync, readFileSync } from "node:fs";
import { inspect } from "node:util";
import { describeIssue } from "../core/describe-issue.ts";
import { AppError } from "../core/errors.ts";
import { Config, secretSettings } from "./config.ts";
import { redactedConfig } from "./redacted-config.ts";

/** Names of environment variables of settings: `maxInferenceBytes` is SLIPWAY_MAX_INFERENCE_BYTES. */
export function environmentName(setting: string): string {
  return `SLIPWAY_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * One configuration out of file, environment and flags; later ones win. Throws CONFIG_INVALID with every problem named
 * by where it was set.
 */
export function loadConfig(flags: Readonly<Record<string, string | boolean | undefined>>, environment: NodeJS.ProcessEnv = process.env): Config {
  const merged: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  const take = (setting: string, value: unknown, source: string): void => {
    merged[setting] = value;
    sources[setting] = source;
  };
  const file = typeof flags.config === "string" ? flags.config : environment.SLIPWAY_CONFIG;
  if (file !== undefined) for (const [setting, value] of Object.entries(readFile(file))) take(setting, value, "the configuration file");
  for (const setting of Object.keys(Config.shape)) {
    const name = environmentName(setting);
    const fromEnvironment = environment[name];
    const secretFile = secretSettings.has(setting) ? environment[`${name}_FILE`] : undefined;
    if (fromEnvironment !== undefined && secretFile !== undefined) throw new AppError("CONFIG_INVALID", `${name} and ${name}_FILE are both set; keep one.`);
    if (fromEnvironment !== undefined) take(setting, fromEnvironment, name);
    if (secretFile !== undefined) take(setting, readSecret(secretFile, `${name}_FILE`), `${name}_FILE`);
    const flag = flags[setting];
    if (flag !== undefined) take(setting, flag, `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  }
  const parsed = Config.safeParse(merged, { error: describeIssue });
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => {
      // What is unknown can only come from the file.
      const setting = String(issue.path[0] ?? (issue.code === "unrecognized_keys" ? issue.keys[0] : "configuration"));
      return { path: sources[setting] ?? setting, message: issue.message };
    });
    throw new AppError("CONFIG_INVALID", problems.map((problem) => `${problem.path}: ${problem.message}`).join("; "), { problems });
  }
  return withoutSecretsInPrint(parsed.data);
}

/** Whoever prints or logs the whole configuration, by whatever way, prints no secret. */
function withoutSecretsInPrint(config: Config): Config {
  const redacted = { value: () => redactedConfig(config), enumerable: false };
  return Object.freeze(Object.defineProperties({ ...config }, { toJSON: redacted, [inspect.custom]: redacted }));
}

/** Text of a file that holds one secret; the line end that editors add is none of it. */
function readSecret(path: string, source: string): string {
  try {
    return readFileSync(path, "utf8").replace(/[\r\n]+$/, "");
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `${source}: the file cannot be read.`, { cause });
  }
}

function readFile(path: string): Record<string, unknown> {
  if (!existsSync(path)) throw new AppError("CONFIG_INVALID", "The configuration file does not exist.");
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", "The configuration file is not valid JSON.", { cause });
  }
  throw new AppError("CONFIG_INVALID", "The configuration file must hold one JSON object.");
}

/** Environment for the processes that Slipway starts: what programs need to run, and no secrets. */
export function childEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const passed = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "OMP_NUM_THREADS", "NODE_COMPILE_CACHE"];
  return Object.fromEntries(passed.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])));
}

/** Environment for installers of packages: theirs beside, which say where packages are and by which way; no model gets it. */
export function installerEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const passed = /^(?:(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|XDG_(?:CACHE|CONFIG|DATA)_HOME|PIP_\w+|UV_\w+)$/i;
  const own = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && passed.test(entry[0]));
  return { ...childEnvironment(environment), ...Object.fromEntries(own) };
}

/** Of a variable that a provider's key is in; what is empty is not there. */
export function environmentValue(name: string, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const value = environment[name]?.trim();
  return value === "" ? undefined : value;
}
