import { SqlAccessStore } from "../../src/adapters/sql/index.ts";
import { TemporaryDatabases } from "../../src/adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { AccessServices, type AccessStore } from "../../src/access/index.ts";
import { ManualClock, systemClock } from "../../src/core/clock.ts";
import { mayOn, mayOnServer, maySomewhere, type Caller, type Grant } from "../../src/core/caller.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { AuditedRequest } from "../../src/core/request-gate.ts";
import type { Access, AccessTarget } from "../../src/core/route.ts";

/** Models, and routes of the gateway, that the gate knows, and whose they are. */
export const teamsOfModels: Readonly<Record<string, string>> = { mine: "default", also: "default", hers: "fraud" };

/** One kind of caller: what it shows, and what it should be taken for. */
export interface TestCaller {
  name: string;
  authorization: string | undefined;
  cookie: string | undefined;
  /** Null for one who shows what is not good. */
  grants: readonly Grant[] | null;
}

const grantsOf: Readonly<Record<string, Grant[]>> = {
  viewer: [{ role: "viewer", team: "*" }],
  contributor: [{ role: "contributor", team: "*" }],
  deployer: [{ role: "deployer", team: "*" }],
  admin: [{ role: "admin", team: "*" }],
  "a team's viewer": [{ role: "viewer", team: "default" }],
  "a team's admin": [{ role: "admin", team: "default" }],
  "another team's admin": [{ role: "admin", team: "fraud" }],
  "deployer of one model": [{ role: "deployer", team: "default", models: ["mine"] }],
  "admin of another model": [{ role: "admin", team: "*", models: ["also"] }],
  "deployer of one route": [{ role: "deployer", team: "default", routes: ["mine"] }],
  "admin of experiments": [{ role: "admin", team: "*", experiments: ["mine"] }],
};

export interface AccessUnderTest {
  access: AccessServices;
  store: AccessStore;
  callers: TestCaller[];
  audited: AuditedRequest[];
  clock: ManualClock;
  close(): Promise<void>;
}

/** The real gate over a real database, and one key of each kind: good, unknown, expired, revoked; and sessions of some. */
export async function openAccess(options: { mode?: "open" | "keys"; secure?: boolean; attempts?: { burst: number } } = {}): Promise<AccessUnderTest> {
  const databases = new TemporaryDatabases();
  const database = await databases.open();
  const clock = new ManualClock();
  const ids = new TimeOrderedIds(systemClock);
  const audited: AuditedRequest[] = [];
  const store = new SqlAccessStore(database, ids);
  const access = new AccessServices({
    store, mode: options.mode ?? "keys", secure: options.secure ?? false, clock, ids, logger: silentLogger,
    attempts: options.attempts ?? { burst: 1e9 },
    teamOf: (kind, name) => ((kind === "model" || kind === "route") && Object.hasOwn(teamsOfModels, name) ? teamsOfModels[name]! : null),
    audit: (request) => { audited.push(request); return Promise.resolve(); },
  });
  const root: Caller = { actor: "setup", name: "setup", grants: [{ role: "admin", team: "*" }] };
  await access.teams.create(root, { name: "fraud", description: "" }, clock.now());
  const make = async (grants: readonly Grant[], expiresAt: number | null = null) =>
    access.keys.issue(root, { name: "test", grants, team: "default", expiresAt: expiresAt as never }, clock.now());
  const good = async (name: string, grants: readonly Grant[]): Promise<TestCaller> => ({ name, grants, cookie: undefined, authorization: `Bearer ${(await make(grants)).key}` });
  const callers: TestCaller[] = [{ name: "anonymous", authorization: undefined, cookie: undefined, grants: [] }];
  for (const [name, grants] of Object.entries(grantsOf)) callers.push(await good(name, grants));
  const admin = grantsOf.admin!;
  const expired = await make(admin, clock.now());
  const revoked = await make(admin);
  await access.gate.identify({ authorization: `Bearer ${revoked.key}`, cookie: undefined, address: "::1" }, clock.now());
  await access.keys.revoke(root, revoked.id, clock.now());
  const bad = (name: string, authorization: string): TestCaller => ({ name, authorization, cookie: undefined, grants: null });
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString("base64")}`;
  callers.push(
    bad("expired", `Bearer ${expired.key}`), bad("revoked", `Bearer ${revoked.key}`), bad("revoked by Basic", basic(`:${revoked.key}`)),
    bad("unknown", `Bearer slk_${"A".repeat(43)}`), bad("another scheme", "Digest username=admin"), bad("no key", "Bearer"),
    bad("a key cut short", `Bearer ${expired.key.slice(0, -1)}`),
  );
  const key = await make(grantsOf.viewer!);
  callers.push({ name: "viewer by Basic", authorization: basic(`anything:${key.key}`), cookie: undefined, grants: grantsOf.viewer! });
  callers.push({ name: "viewer by user name", authorization: basic(`${key.key}:`), cookie: undefined, grants: grantsOf.viewer! });
  callers.push({ name: "viewer's session", authorization: undefined, cookie: `sid=${await access.sessions.start(`key:${key.id}`, clock.now())}`, grants: grantsOf.viewer! });
  callers.push({ name: "a revoked key's session", authorization: undefined, cookie: `sid=${await access.sessions.start(`key:${revoked.id}`, clock.now())}`, grants: [] });
  return { access, store, callers, audited, clock, close: () => databases.remove() };
}

/** What a caller gets for what it may not see, by the kind of object that requests are judged on. */
const missingCodes = { model: "MODEL_NOT_FOUND", route: "GATEWAY_MODEL_NOT_FOUND" } as const;

export type Expected = "reached" | "UNAUTHENTICATED" | "FORBIDDEN" | (typeof missingCodes)[keyof typeof missingCodes];

/** What requests of a declaration are judged on. */
export function judgedOn(on: Exclude<AccessTarget, object> | Pick<Extract<AccessTarget, object>, "kind"> | undefined): "server" | "some" | keyof typeof missingCodes {
  if (typeof on !== "object") return on ?? "server";
  if (!Object.hasOwn(missingCodes, on.kind)) throw new TypeError(`Nobody here knows an object of the kind ${on.kind}.`);
  return on.kind as keyof typeof missingCodes;
}

/** What the declaration promises to a caller; `name` is the object that the request names, where it is judged on one. */
export function expectedAnswer({ grants }: TestCaller, access: Access, on: ReturnType<typeof judgedOn>, name: string): Expected {
  if (grants === null) return "UNAUTHENTICATED";
  if (access === "public") return "reached";
  if (grants.length === 0) return "UNAUTHENTICATED";
  const caller: Caller = { actor: "key:x", name: "x", grants };
  if (on === "server") return mayOnServer(caller, access) ? "reached" : "FORBIDDEN";
  if (on === "some") return maySomewhere(caller, access) ? "reached" : "FORBIDDEN";
  const team = teamsOfModels[name] ?? null;
  const object = { kind: on, name, team } as const;
  if (team === null || !mayOn(caller, "viewer", object)) return missingCodes[on];
  return mayOn(caller, access, object) ? "reached" : "FORBIDDEN";
}
