import type { ApiClient } from "../core/api-client.ts";
import type { NewRollout, RollbackResult, Rollout, RolloutStatus, RolloutSummary, Verdict } from "../rollouts/index.ts";

/** Rollouts of a running Slipway: `client.rollouts`. Changes take a reason, which is kept with them. */
export class RolloutsClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** By the plan of the model's policy unless one is given; the newest version unless one is named. */
  start(model: string, request: Partial<NewRollout> = {}): Promise<Rollout> {
    return this.#api.send("POST", `${modelPath(model)}/rollouts`, request);
  }

  /** Of the rollout under way, or of the latest. */
  status(model: string): Promise<RolloutStatus> {
    return this.#api.get(`${modelPath(model)}/rollout`);
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
    return this.#api.send("POST", `${modelPath(model)}/rollback`, options);
  }

  #ask(model: string, action: string, reason: string): Promise<Rollout> {
    return this.#api.send("POST", `${modelPath(model)}/rollout/${action}`, { reason });
  }
}

function modelPath(model: string): string {
  return `/api/models/${encodeURIComponent(model)}`;
}

function rolloutPath(rollout: string): string {
  return `/api/rollouts/${encodeURIComponent(rollout)}`;
}
