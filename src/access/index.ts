export * from "./schemas.ts";
export type { AccessStore, ChangeBy, KeyStore, Session, SessionStore, TeamStore, UserStore } from "./access-store.ts";
