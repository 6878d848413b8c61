import type { Tag } from "../../tracking/schemas.ts";

const mostCharacters = 6000;
const mostKeyCharacters = 250;

/** A key as metrics, params and tags may have it here: what else W&B takes becomes an underscore. */
export function safeKey(key: string): string {
  const safe = key.replace(/[^/\p{L}\p{N}\p{M}_.\- :]/gu, "_").split("/").filter((part) => part !== "" && part !== "." && part !== "..").join("/").replace(/^\.\./, "__");
  return safe.slice(0, mostKeyCharacters) || "_";
}

export function isPlainNumber(value: unknown): value is number {
  return typeof value === "number";
}

/** A config as params: objects by dotted keys, lists and all else as JSON. Keys of W&B's own are left out. */
export function flatParams(config: ReadonlyMap<string, unknown>): Tag[] {
  const params = new Map<string, string>();
  const add = (key: string, value: unknown): void => {
    if (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
      for (const [name, each] of Object.entries(value)) add(`${key}.${name}`, each);
    } else if (value !== undefined) params.set(safeKey(key), (typeof value === "string" ? value : JSON.stringify(value)).slice(0, mostCharacters));
  };
  for (const [key, value] of config) if (!key.startsWith("_")) add(key, value);
  return [...params].map(([key, value]) => ({ key, value })).sort((left, right) => (left.key < right.key ? -1 : 1));
}
