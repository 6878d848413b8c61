import { BlockList, isIP } from "node:net";
import { z } from "zod";
import { Grant, Role } from "../core/caller.ts";
import { isLoopbackHost } from "./loopback.ts";

const maxGroups = 1000;

/** What one group of the provider gives to its members. */
export const GroupGrant = z.strictObject({ group: z.string().min(1).max(256), grant: Grant });
export type GroupGrant = z.infer<typeof GroupGrant>;

/**
 * Which groups give what: `ml-admins=admin,ranking=deployer@search` (a role, and after @ the team), or as JSON
 * `{"ml-admins": "admin", "ranking": {"role": "deployer", "team": "search", "models": ["ranker"]}}` with one grant or
 * several for a group. The result is a list: names of groups are never the keys of an object.
 */
export const GroupGrants = z.unknown().transform((given, context): GroupGrant[] => {
  const pairs = pairsOf(given)?.map((pair) => (typeof pair.grant === "string" ? { ...pair, grant: { role: pair.grant } } : pair));
  const parsed = z.array(GroupGrant).max(maxGroups).safeParse(pairs);
  if (parsed.success) return parsed.data;
  const place = parsed.error.issues[0]?.path[0];
  const group = typeof place === "number" ? pairs?.[place]?.group : undefined;
  const message = typeof group === "string" ? `what the group ${JSON.stringify(group.slice(0, 100))} gives is no grant` : "not groups with what they give";
  context.addIssue({ code: "custom", message: `${message}: say group=role or group=role@team, with the roles ${Role.options.join(", ")}, or the same as JSON` });
  return z.NEVER;
});

interface Pair {
  group?: unknown;
  grant?: unknown;
}

function pairsOf(given: unknown): Pair[] | undefined {
  if (typeof given === "string" && !/^\s*[[{]/.test(given)) return given.split(",").map((part) => part.trim()).filter(Boolean).map(pairOfText);
  let value = given;
  if (typeof given === "string") {
    try {
      value = JSON.parse(given);
    } catch {
      return undefined;
    }
  }
  if (typeof value !== "object" || value === null) return undefined;
  // The form that this schema makes itself, so that what it made can be given to it again.
  if (Array.isArray(value)) return value.map((pair: unknown) => (typeof pair === "object" && pair !== null ? pair : {}));
  return Object.entries(value).flatMap(([group, grants]) => [grants as unknown].flat().map((grant) => ({ group, grant })));
}

function pairOfText(text: string): Pair {
  const separator = Math.max(text.lastIndexOf("="), 0);
  const [role, team, ...rest] = text.slice(separator + 1).split("@");
  return { group: text.slice(0, separator), grant: { role, ...(team === undefined ? {} : { team }), ...(rest.length === 0 ? {} : { rest }) } };
}

/** The key of stored secrets: base64 (of either alphabet) of exactly 32 bytes. */
export const SecretKey = z
  .string()
  .refine((text) => /^[A-Za-z0-9+/_-]{43}=?$/.test(text) && Buffer.from(text, "base64").length === 32, "32 bytes in base64, such as `openssl rand -base64 32` prints");

function urlOf(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

/** An origin: redirects and cookies are bound to it, so it has no path. The same without its last slash. */
export const PublicUrl = z
  .string()
  .refine((text) => {
    const url = urlOf(text);
    return url !== null && (url.protocol === "https:" || url.protocol === "http:") && `${url.origin}/` === url.href;
  }, "a URL without a path, such as https://slipway.example.com")
  .refine((text) => urlOf(text)?.protocol !== "http:" || isLoopbackHost(urlOf(text)!.hostname), "https, unless it is this machine alone")
  .transform((text) => new URL(text).origin);

export const Issuer = z
  .string()
  .refine((text) => {
    const url = urlOf(text);
    return url !== null && url.search === "" && url.hash === "" && url.username === "" && url.password === "" && (url.protocol === "https:" || url.protocol === "http:");
  }, "the URL of the provider, as its discovery document names it")
  .refine((text) => urlOf(text)?.protocol !== "http:" || isLoopbackHost(urlOf(text)!.hostname), "https, unless it is this machine alone");

/** A host, a host with a port, an address or a CIDR; in lower case. */
export const EgressAllowance = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine((text) => isCidr(text) || isIP(text) !== 0 || /^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*(:[0-9]{1,5})?$/.test(text) || /^\[[0-9a-f:.]+\](:[0-9]{1,5})?$/.test(text), "a host, host:port, address or CIDR such as 10.1.0.0/16");

function isCidr(text: string): boolean {
  const match = /^([0-9a-f:.]+)\/([0-9]{1,3})$/.exec(text);
  if (match === null) return false;
  const kind = isIP(match[1]!);
  if (kind === 0) return false;
  try {
    new BlockList().addSubnet(match[1]!, Number(match[2]), kind === 4 ? "ipv4" : "ipv6");
    return true;
  } catch {
    return false;
  }
}
