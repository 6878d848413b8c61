import { z } from "zod";
import { Grant } from "../core/caller.ts";
import { isSafeName } from "../core/names.ts";

const Timestamp = z.number().int().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

export const TeamName = z
  .string()
  .refine(isSafeName, "1 to 128 letters, digits, dots, dashes and underscores, starting with a letter or digit")
  .meta({ id: "TeamName", description: "Name of a team", example: "fraud" });
export type TeamName = z.infer<typeof TeamName>;

/** The team of everything that names no other; it is always there. */
export const defaultTeam = "default";

/** What is known of a key after its making: everything but the key. */
export const ApiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    hint: z.string().meta({ description: "The first characters of the key, to tell keys apart" }),
    grants: z.array(Grant),
    team: TeamName,
    createdBy: z.string().meta({ description: "Actor that made it: key:ID, user:ID, local or setup" }),
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable(),
    revokedAt: Timestamp.nullable(),
    lastUsedAt: Timestamp.nullable().meta({ description: "To the minute" }),
    formerUntil: Timestamp.nullable().meta({ description: "Until when the secret that it had before its last rotation works; null when it was never rotated" }),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof ApiKey>;

/** The only answer that ever carries the key itself. */
export const NewKey = ApiKey.extend({
  key: z.string().meta({ description: "Shown this once; the server keeps its hash alone" }),
  notes: z.array(z.string()).meta({ description: "What in its grants does nothing yet, such as a route that is not there" }),
}).meta({ id: "NewKey" });
export type NewKey = z.infer<typeof NewKey>;

export const KeyRequest = z
  .strictObject({
    name: z.string().trim().min(1).max(200).meta({ description: "For people: who or what uses the key" }),
    grants: z.array(Grant).min(1).max(100),
    team: TeamName.optional().meta({ description: "Whose admins see it, and may revoke it unless it may more than they; where it is not said, the one team that all grants name, else default" }),
    expiresInDays: z.number().positive().max(3650).nullable().default(90).meta({ description: "null = never" }),
  })
  .meta({ id: "KeyRequest" });
export type KeyRequest = z.infer<typeof KeyRequest>;

/** The longest that a secret works on after a newer one: long enough for whoever rolls out by the month. */
const longestGraceSeconds = 31 * 86_400;

export const KeyRotation = z
  .strictObject({
    graceSeconds: z.number().int().min(0).max(longestGraceSeconds).default(0).meta({ description: "How long the present secret works beside the new one; 0 = it ends at once" }),
    expiresInDays: z.number().positive().max(3650).nullable().optional().meta({ description: "When the key ends from now on; null = never, left out = as before" }),
  })
  .meta({ id: "KeyRotation" });
export type KeyRotation = z.infer<typeof KeyRotation>;

export const Team = z
  .object({ name: TeamName, description: z.string(), createdAt: Timestamp, models: z.number().int(), keys: z.number().int().meta({ description: "Keys that are neither revoked nor expired" }) })
  .meta({ id: "Team" });
export type Team = z.infer<typeof Team>;

export const TeamRequest = z.strictObject({ name: TeamName, description: z.string().max(2000).default("") }).meta({ id: "TeamRequest" });
export type TeamRequest = z.infer<typeof TeamRequest>;

/** Somebody who signs in through an identity provider. */
export const User = z
  .object({
    id: z.string(),
    name: z.string(),
    email: z.string(),
    issuer: z.string().meta({ description: "The identity provider that vouches for them" }),
    grants: z.array(Grant).meta({ description: "As their groups were mapped when they signed in" }),
    createdAt: Timestamp,
    signedInAt: Timestamp,
    disabledAt: Timestamp.nullable(),
  })
  .meta({ id: "User" });
export type User = z.infer<typeof User>;

export const AccessMode = z.enum(["open", "keys"]).meta({ description: "open: whoever reaches the server is an admin; keys: every caller shows a key or a session" });
export type AccessMode = z.infer<typeof AccessMode>;

/** Who the caller is and how they may sign in; what the console asks first. */
export const SessionState = z
  .object({
    mode: AccessMode,
    caller: z.object({ actor: z.string(), name: z.string(), grants: z.array(Grant) }).nullable(),
    signIn: z.object({ key: z.boolean(), oidc: z.object({ name: z.string() }).nullable() }),
    setupOpen: z.boolean().meta({ description: "Nobody has set the server up yet: POST /api/setup takes the token from its log" }),
  })
  .meta({ id: "SessionState" });
export type SessionState = z.infer<typeof SessionState>;
