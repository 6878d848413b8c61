import { RecentMap } from "../../core/recent-map.ts";
import type { RouteTarget } from "../schemas.ts";
import type { CallOrder, CallRunner, OpenedCall } from "./call-plan.ts";
import { CallRace, type CallRunnerParts } from "./call-race.ts";
import { chooseTargets } from "./choose-targets.ts";

/** Sessions whose target is remembered; beyond, those that were silent for longest are forgotten. */
const mostSessions = 40_000;

/** Carries calls out, each as a race of its own, over targets in the order of the route. */
export class TargetCallRunner implements CallRunner {
  readonly #parts: CallRunnerParts;
  /** Who answered last, where the order does not follow from the session alone. */
  readonly #stays = new RecentMap<string, RouteTarget>(mostSessions);

  constructor(parts: CallRunnerParts) {
    this.#parts = parts;
  }

  run<Answer>(order: CallOrder<Answer>): Promise<OpenedCall<Answer>> {
    const { health, random } = this.#parts;
    const { settings, facts, route } = order;
    const session = settings.choose !== "weighted" && settings.sticky && facts.session !== null ? `${route} ${facts.session}` : null;
    const targets = chooseTargets(settings, facts, {
      random, latencyMs: ({ provider, model }) => health.known(provider, model)?.ewmaMs ?? null, stays: session === null ? null : (this.#stays.get(session) ?? null),
    });
    const running = new CallRace(this.#parts, order, targets).run();
    if (session === null) return running;
    return running.then((opened) => {
      this.#stays.set(session, opened.target);
      return opened;
    });
  }
}
