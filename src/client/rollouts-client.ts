import type { ApiClient } from "../core/api-client.ts";
import { subjectPath } from "../core/traffic-subject.ts";
import type { NewRollout, NewRouteRollout, RollbackResult, Rollout, RolloutStatus, RolloutSummary, Verdict } from "../rollouts/index.ts";

/** What a rollout is started with: of a version of a model, or of settings of a route. */
export type RolloutRequestOf<Subject extends string> = Subject extends `route:${string}` ? RouteRolloutRequest : Partial<NewRollout>;
/** What is tried is said by one of `settings` (all of them), `change` (a JSON merge patch over the present ones) and `revision`. */
export type RouteRolloutRequest = Omit<Partial<NewRouteRollout>, "settings" | "change" | "plan"> & { settings?: object; change?: object; plan?: object };

/**
 * Rollouts of a running Slipway: `client.rollouts`. What they are of is a model by its name, or a route of the gateway as `route:NAME`, whose versions are revisions of its settings. Changes take a
 * reason, which is kept with them.
 */
export class RolloutsClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** Of a model: by the plan of its policy unless one is given; the newest version unless one is named. Of a route: what is tried must be said. */
  start<Subject extends string>(model: Subject, request?: RolloutRequestOf<Subject>): Promise<Rollout> {
    return this.#api.send("POST", `${subjectPath(model)}/rollouts`, request ?? {});
  }

  /** Of the rollout under way, or of the latest. */
  status(model: string): Promise<RolloutStatus> {
    return this.#api.get(`${subjectPath(model)}/rollout`);
  }

  /** Newest first; `next` leads on as `before`, and is null at the end. */
  list(query: { model?: string; open?: boolean; before?: string; limit?: number } = {}): Promise<{ rollouts: RolloutSummary[]; next: string | null }> {
    const { open, ...rest } = query;
    return this.#api.get("/api/rollouts", { ...rest, ...(open === undefined ? {} : { open: String(open) }) });
  }

  find(rollout: string): Promise<RolloutStatus> {
    return this.#api.get(rolloutPath(rollout));
  }

  /** Newest first, with the numbers that made them. */
  verdicts(rollout: string, page: { before?: string; limit?: number } = {}): Promise<{ verdicts: Verdict[]; next: string | null }> {
    return this.#api.get(`${rolloutPath(rollout)}/verdicts`, page);
  }

  /** Takes the next phase past the gates. */
  promote(model: string, reason = ""): Promise<Rollout> {
    return this.#ask(model, "promote", reason);
  }

  pause(model: string, reason = ""): Promise<Rollout> {
    return this.#ask(model, "pause", reason);
  }

  resume(model: string, reason = ""): Promise<Rollout> {
    return this.#ask(model, "resume", reason);
  }

  approve(model: string, reason = ""): Promise<Rollout> {
    return this.#ask(model, "approve", reason);
  }

  /** All traffic is with the stable version when it answers. */
  abort(model: string, reason = ""): Promise<Rollout> {
    return this.#ask(model, "abort", reason);
  }

  /** Gives the traffic back to the version that had it before, or to `to`; ends a rollout that is under way. */
  rollback(model: string, options: { to?: string; reason?: string } = {}): Promise<RollbackResult> {
    return this.#api.send("POST", `${subjectPath(model)}/rollback`, options);
  }

  #ask(model: string, action: string, reason: string): Promise<Rollout> {
    return this.#api.send("POST", `${subjectPath(model)}/rollout/${action}`, { reason });
  }
}

function rolloutPath(rollout: string): string {
  return `/api/rollouts/${encodeURIComponent(rollout)}`;
}
