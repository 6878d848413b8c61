import { createHmac, randomBytes } from "node:crypto";
import { localBaseUrl } from "../providers/local-provider.ts";
import type { ReadyProvider } from "../routing/call-plan.ts";

/** Of this process: a digest says nothing anywhere else. */
const digestKey = randomBytes(32);
/** By which one key stands for several accounts with limits of their own. */
const accountHeaders: ReadonlySet<string> = new Set(["openai-organization", "openai-project"]);

/**
 * Whose limits a provider's calls count in, to be compared within this process: the same for entries with one host and one key, whatever they are named and where their keys stand. Entries of one host without a key are one server.
 * Two keys of one organization are two: nobody but their provider knows that they are one.
 */
export function providerAccount({ name, settings: { baseUrl, headers }, secret }: Pick<ReadyProvider, "name" | "settings" | "secret">): string {
  const own = `name ${name}`;
  // Those that answer by themselves have a script or nothing, and no account.
  if (baseUrl === undefined || baseUrl === localBaseUrl) return own;
  let key: string | null;
  try {
    key = secret();
  } catch {
    return own;
  }
  const named = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value]).filter(([header]) => accountHeaders.has(header!)).sort();
  const told = JSON.stringify([new URL(baseUrl).host, key, named]);
  return `key ${createHmac("sha256", digestKey).update(told).digest("hex")}`;
}
