import { readOrMakeSecretKey } from "./adapters/filesystem/secret-key-file.ts";
import type { OpenidConnectProvider } from "./adapters/oidc/openid-connect-provider.ts";
import { SqlAccessStore, SqlAuditLog, SqlSetupStore } from "./adapters/sql/index.ts";
import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import { AccessServices, auditRequests, AuditTrail, keyEndCheck, OidcService, oidcCallbackPath, SetupService, type AccessParts } from "./access/index.ts";
import type { Config, Posture } from "./config/index.ts";
import type { Clock, EpochMs } from "./core/clock.ts";
import type { DoctorCheck } from "./core/doctor-check.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import { SecretBox } from "./core/secret-box.ts";

export interface OpenedAccess {
  access: AccessServices;
  audit: AuditTrail;
  setup: SetupService;
  oidc: OidcService | null;
  secrets: SecretBox;
  check: DoctorCheck;
  /** An entry of the server itself, such as `server.started`. */
  record(action: string, now: EpochMs, detail: Readonly<Record<string, unknown>>): Promise<void>;
}

interface Parts extends Pick<AccessParts, "teamOf" | "routeName"> {
  config: Config;
  posture: Posture;
  database: SqlDatabase;
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

/** Who may call, wired: keys, sessions, sign-in, set-up, audit log, and the key of stored secrets. */
export async function openAccess({ config, posture, database, teamOf, routeName, clock, ids, logger }: Parts): Promise<OpenedAccess> {
  const secrets = new SecretBox(
    config.secretKey === undefined ? await readOrMakeSecretKey(config.data) : Buffer.from(config.secretKey, "base64"),
    config.oldSecretKeys.map((key) => Buffer.from(key, "base64")),
  );
  const audit = new AuditTrail({ log: new SqlAuditLog(database), logger });
  const store = new SqlAccessStore(database, ids);
  const { mode, secure } = posture;
  const access = new AccessServices({ store, mode, secure, teamOf, routeName, audit: auditRequests(audit), clock, ids, logger });
  const provider = await providerOf(config, clock);
  const oidc = provider === null ? null : new OidcService({ provider, groups: config.oidcGroups, users: store.users, sessions: access.sessions, box: secrets, audit, ids, logger });
  const setup = new SetupService({
    mode, store: new SqlSetupStore(database), keys: store.keys, users: store.users, issuer: config.oidcIssuer ?? null,
    makeKey: ({ name, grants, actor }, now) => access.keys.issue({ actor }, { name, grants, team: "default", expiresAt: null }, now),
  });
  return {
    access, audit, setup, oidc, secrets, check: keyEndCheck(store.keys),
    record: (action, now, detail) => audit.append({ time: now, actor: "system", action, object: "", result: "allowed", requestId: "", detail }),
  };
}

/** The settings belong together: `postureOf` has refused a part of them. Without them the protocol's code is not loaded. */
async function providerOf(config: Config, clock: Clock): Promise<OpenidConnectProvider | null> {
  const { oidcIssuer, oidcClientId, oidcClientSecret, oidcName, oidcScopes, oidcGroupsClaim, publicUrl } = config;
  if (oidcIssuer === undefined || oidcClientId === undefined || publicUrl === undefined) return null;
  const { OpenidConnectProvider } = await import("./adapters/oidc/openid-connect-provider.ts");
  return new OpenidConnectProvider({
    name: oidcName, issuer: oidcIssuer, clientId: oidcClientId, clientSecret: oidcClientSecret, scopes: oidcScopes, groupsClaim: oidcGroupsClaim,
    redirectUri: publicUrl + oidcCallbackPath, clock,
  });
}
