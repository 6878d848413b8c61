export * from "./schemas.ts";
export type { AccessStore, ChangeBy, KeyStore, Session, SessionStore, TeamStore, UserStore } from "./access-store.ts";
export { chainAuditEntries } from "./audit-chain.ts";
export { auditResults, type AuditEntry, type AuditHead, type AuditLog, type AuditQuery, type AuditResult, type ChainedAuditEntry, type StoredAuditEntry } from "./audit-log.ts";
export { AuditTrail, type AuditVerification } from "./audit-trail.ts";
export { setupCommands } from "./setup-commands.ts";
export { setupRoutes } from "./setup-routes.ts";
export { SetupService } from "./setup-service.ts";
export type { SetupStore, SetupToken } from "./setup-store.ts";
