import { routeOfSubject } from "../../core/traffic-subject.ts";
import type { ServingService } from "../../serving/index.ts";
import type { RolloutRegistry, RolloutServing } from "../rollout-parts.ts";

/** Everything that rollouts do to traffic on this server. */
export type SubjectServing = RolloutServing & Pick<ServingService, "applyRoute" | "keepWarm">;

/** What does the work for models, and what does it for routes of the gateway: the one place where rollouts tell them apart. */
export function chosenBySubject<Choice>(choices: { model: Choice; route: Choice }): (subject: string) => Choice {
  return (subject) => (routeOfSubject(subject) === null ? choices.model : choices.route);
}

export function registryBySubject(choices: { model: RolloutRegistry; route: RolloutRegistry }): RolloutRegistry {
  const of = chosenBySubject(choices);
  return {
    model: (subject) => of(subject).model(subject),
    version: (subject, version) => of(subject).version(subject, version),
    policy: (subject) => of(subject).policy(subject),
    changes: (subject, page) => of(subject).changes(subject, page),
    transition: (subject, ...change) => of(subject).transition(subject, ...change),
    setAlias: (subject, ...change) => of(subject).setAlias(subject, ...change),
    deleteAlias: (subject, ...change) => of(subject).deleteAlias(subject, ...change),
  };
}

export function servingBySubject(choices: { model: SubjectServing; route: SubjectServing }): SubjectServing {
  const of = chosenBySubject(choices);
  return {
    applyRoute: (route) => of(route.model).applyRoute(route),
    cutArm: (subject, ...arm) => of(subject).cutArm(subject, ...arm),
    follow: (subject) => of(subject).follow(subject),
    activate: (subject, ...version) => of(subject).activate(subject, ...version),
    keepWarm: (subject, ...version) => of(subject).keepWarm(subject, ...version),
  };
}
