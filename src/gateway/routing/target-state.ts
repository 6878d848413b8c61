/** One word for how a target does. */
export type TargetState = "left-alone" | "on-trial" | "limited" | "failing" | "not-asked" | "unanswered" | "answers";

/** What a server knows of a target, as its view has it. */
interface TargetFigures {
  state: "closed" | "open" | "half-open";
  failures: number;
  limited: number;
  calls: number;
  answers: number;
}

/** A closed breaker alone says that a target is asked, not that it answers. */
export function targetState({ state, failures, limited, calls, answers }: TargetFigures): TargetState {
  if (state !== "closed") return state === "open" ? "left-alone" : "on-trial";
  if (limited > 0) return "limited";
  if (failures > 0) return "failing";
  if (answers > 0) return "answers";
  return calls === 0 ? "not-asked" : "unanswered";
}
