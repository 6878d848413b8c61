import { AppError } from "../core/errors.ts";
import { isSecretShaped, keyPrefix, sessionPrefix } from "./secret-text.ts";

/**
 * The key in an `Authorization` header: Bearer, or Basic with the key as the password (the user name is anything or
 * empty), or as the user name without a password. Throws UNAUTHENTICATED for anything else.
 */
export function keyInAuthorization(authorization: string): string {
  const space = authorization.indexOf(" ");
  const scheme = authorization.slice(0, space).toLowerCase();
  const value = authorization.slice(space + 1).trim();
  const key = scheme === "bearer" ? value : scheme === "basic" ? keyInBasic(value) : "";
  if (isSecretShaped(keyPrefix, key)) return key;
  throw new AppError("UNAUTHENTICATED", problemOf(key));
}

/** What callers mistake most: a provider's own key in place of this server's, and one that was cut when it was copied. */
function problemOf(key: string): string {
  if (key === "") return "The Authorization header has no API key: send it as Bearer, or as the password of Basic.";
  if (key.startsWith(keyPrefix)) return `The key shown is not a whole one: after ${keyPrefix} come 43 letters and digits.`;
  return `The key shown is none of this server's, which begin with ${keyPrefix}: callers show one of those, also where a provider's own key was shown before.`;
}

/** Whether a Bearer shows something that does not even look like a key of this server. */
export function isForeignKey(authorization: string): boolean {
  return /^bearer /i.test(authorization) && !authorization.slice("bearer ".length).trim().startsWith(keyPrefix);
}

function keyInBasic(value: string): string {
  const pair = Buffer.from(value, "base64").toString("latin1");
  const colon = pair.indexOf(":");
  if (colon < 0) return pair;
  return colon === pair.length - 1 ? pair.slice(0, colon) : pair.slice(colon + 1);
}

/** With the prefix, browsers take the cookie over TLS alone, for this host alone. */
const secureName = "__Host-sid";
const plainName = "sid";

function sessionCookieName(secure: boolean): string {
  return secure ? secureName : plainName;
}

/** The session in a `Cookie` header. Cookies of other programs on the same host may have the same name: they are passed over. */
export function sessionInCookie(cookie: string, secure: boolean): string | undefined {
  const name = sessionCookieName(secure);
  for (const pair of cookie.split(";")) {
    const equals = pair.indexOf("=");
    if (pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    if (isSecretShaped(sessionPrefix, value)) return value;
  }
  return undefined;
}

/** The `Set-Cookie` header that starts a session, or with null ends it. No script reads it, no other site sends it. */
export function sessionCookie(secret: string | null, options: { secure: boolean; maxAgeSeconds: number }): string {
  const attributes = ["Path=/", "HttpOnly", "SameSite=Strict", `Max-Age=${secret === null ? 0 : options.maxAgeSeconds}`];
  if (options.secure) attributes.push("Secure");
  return `${sessionCookieName(options.secure)}=${secret ?? ""}; ${attributes.join("; ")}`;
}
