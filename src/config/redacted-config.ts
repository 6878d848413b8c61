import { secretSettings, type Config } from "./config.ts";

/** The settings for a person to read: what is secret is only said to be set. */
export function redactedConfig(config: Config): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([setting, value]) => [setting, secretSettings.has(setting) && isSet(value) ? "(set, not shown)" : value]),
  );
}

function isSet(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}
