import type { ApiClient } from "../core/api-client.ts";

/** An actor that is a key, or a key as the object of an event or an entry. */
const keyed = /^(gateway-)?key:(key_[0-9a-z]+)$/;

interface KnownKey {
  id: string;
  name: string;
  revokedAt: number | null;
}

/**
 * The result of a command for people: each value that is `key:ID` has the key's name before it, `nightly (key:ID)`, and says of a revoked one that it is. Keys
 * that the caller does not see stay as they are, and all of them where no keys can be read: nothing fails for the want of a name.
 */
export async function nameKeys(result: unknown, api: Pick<ApiClient, "get">): Promise<unknown> {
  if (!hasKey(result)) return result;
  const keys = await api.get<{ keys: KnownKey[] }>("/api/keys").then((answer) => answer.keys, () => []);
  return named(result, new Map(keys.map((key) => [key.id, key])));
}

function hasKey(value: unknown): boolean {
  if (typeof value === "string") return keyed.test(value);
  return typeof value === "object" && value !== null && Object.values(value).some(hasKey);
}

function named(value: unknown, keys: ReadonlyMap<string, KnownKey>): unknown {
  if (typeof value === "string") {
    const key = keys.get(keyed.exec(value)?.[2] ?? "");
    return key === undefined ? value : `${key.name} (${key.revokedAt === null ? "" : "revoked, "}${value})`;
  }
  if (Array.isArray(value)) return value.map((item) => named(item, keys));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([field, item]) => [field, named(item, keys)]));
}
