import type { EpochMs } from "./clock.ts";

/** What a check found. `skipped`: there is nothing here that it could look at. */
export interface Finding {
  state: "ok" | "warning" | "problem" | "skipped";
  /** What is, in a sentence with its figures. */
  finding: string;
  /** What to do; empty when all is well. */
  advice: string;
}

/** One thing that can be wrong with an installation or with what runs on it; modules and adapters declare theirs. */
export interface DoctorCheck {
  /** In words that a person on call would search for. */
  name: string;
  run(now: EpochMs): Finding | Promise<Finding>;
}

export function ok(finding: string): Finding {
  return { state: "ok", finding, advice: "" };
}

export function warning(finding: string, advice: string): Finding {
  return { state: "warning", finding, advice };
}

export function problem(finding: string, advice: string): Finding {
  return { state: "problem", finding, advice };
}

export function skipped(finding: string): Finding {
  return { state: "skipped", finding, advice: "" };
}
