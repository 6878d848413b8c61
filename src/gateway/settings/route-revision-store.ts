import type { ChangeBy } from "../../access/index.ts";
import type { GatewayRoute, RevisionOfRoute, RouteSettings, RouteTurn } from "../schemas.ts";

/**
 * All that a route was and may become. Revisions count up over what answers and over drafts, and never start over. Methods throw GATEWAY_MODEL_NOT_FOUND where there is no such route.
 * Adapters prove themselves with `gateway-store.conformance.ts`.
 */
export interface RouteRevisionStore {
  /** As it is in the database at this moment. */
  find(name: string): Promise<GatewayRoute | null>;
  /** Null where there is none, or the route was removed with it. */
  revision(name: string, revision: number): Promise<RevisionOfRoute | null>;
  /** Settings that are kept and do not answer; answers with their revision. Drafts of starts that came to nothing an hour ago, such as those of a server that was killed, are taken away. */
  addDraft(name: string, draft: { settings: RouteSettings; reason: string }, by: ChangeBy): Promise<number>;
  /** Takes those of the drafts away that no rollout and no A/B test was ever of; their numbers may be given again. Nothing where the route is gone. */
  dropDrafts(name: string, revisions: readonly number[]): Promise<void>;
  /** The settings of the revision are the route's from now on; writes gateway.route.changed, and nothing where they are already. Throws VERSION_NOT_FOUND. */
  answerWith(name: string, revision: number, reason: string, by: ChangeBy): Promise<void>;
  /** Newest first; those of before a removal are gone. */
  turns(name: string, limit: number): Promise<RouteTurn[]>;
}
