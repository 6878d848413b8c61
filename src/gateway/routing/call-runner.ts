import type { RouteTarget } from "../schemas.ts";
import type { CallOrder, CallRunner, OpenedCall } from "./call-plan.ts";
import { CallRace, type CallRunnerParts } from "./call-race.ts";
import { chooseTargets } from "./choose-targets.ts";

/** Sessions whose target is remembered; beyond, the one that was silent for longest is forgotten. */
const mostSessions = 20_000;

/** Carries calls out, each as a race of its own, over targets in the order of the route. */
export class TargetCallRunner implements CallRunner {
  readonly #parts: CallRunnerParts;
  /** Who answered last, where the order does not follow from the session alone. */
  readonly #stays = new Map<string, RouteTarget>();

  constructor(parts: CallRunnerParts) {
    this.#parts = parts;
  }

  async run<Answer>(order: CallOrder<Answer>): Promise<OpenedCall<Answer>> {
    const { health, random } = this.#parts;
    const { settings, facts, route } = order;
    const session = settings.choose !== "weighted" && settings.sticky && facts.session !== null ? `${route} ${facts.session}` : null;
    const targets = chooseTargets(settings, facts, {
      random, latencyMs: ({ provider, model }) => health.known(provider, model)?.ewmaMs ?? null, stays: session === null ? null : (this.#stays.get(session) ?? null),
    });
    const opened = await new CallRace(this.#parts, order, targets).run();
    if (session !== null) this.#stay(session, opened.target);
    return opened;
  }

  #stay(session: string, target: RouteTarget): void {
    this.#stays.delete(session);
    if (this.#stays.size >= mostSessions) this.#stays.delete(this.#stays.keys().next().value!);
    this.#stays.set(session, target);
  }
}
