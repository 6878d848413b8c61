import type { ArmFigures, GateResult, PairedFigures, Verdict } from "./schemas.ts";

/** What a gate is judged by. */
export interface GateFacts {
  stable: ArmFigures | null;
  candidate: ArmFigures | null;
  paired: PairedFigures | null;
  metrics: Verdict["metrics"];
  /** Chance of failing two versions that are alike, of this gate alone. */
  alpha: number;
  /** Minimum time and samples are there: what is not bounded is judged by its estimate. */
  isDue: boolean;
  /** The stable version has traffic to compare with. */
  compares: boolean;
  /** The candidate is asked beside it. */
  shadows: boolean;
}

/** `applies` is false where the phase cannot have what the gate asks for: it is shown, and waited for by nobody. */
export interface JudgedGate extends Omit<GateResult, "gate" | "spec"> {
  applies: boolean;
}

/** One of the questions that a gate asks. */
export interface Answer extends Omit<JudgedGate, "applies"> {
  result: GateResult["result"];
}

export function answer(result: GateResult["result"], facts: Partial<Pick<Answer, "candidate" | "stable" | "limit" | "interval">>, detail: string): Answer {
  return { candidate: null, stable: null, limit: null, interval: null, ...facts, result, detail };
}

export function noData(detail: string, limit: number | null): Answer {
  return answer("no data", { limit }, detail);
}

export function leftOut(detail: string): JudgedGate {
  return { ...answer("no data", {}, `not judged: ${detail}`), applies: false };
}

/** Of several questions the one that stands most in the way. */
export function worst(answers: readonly Answer[]): JudgedGate {
  const stable = answers.find((one) => one.stable !== null)?.stable ?? null;
  for (const result of ["fail", "no data", "undecided"] as const) {
    const found = answers.find((one) => one.result === result);
    if (found !== undefined) return { ...found, stable, applies: true };
  }
  const [first] = answers;
  if (first === undefined) return leftOut("it has no limit that holds in this phase");
  return { ...first, stable, detail: answers.map(({ detail }) => detail).join("; "), applies: true };
}

/** Null where a side has no bound: JSON knows no infinity. */
export function intervalOf({ low, high }: { low: number | null; high: number | null }, scale = 1): [number, number] | null {
  if (low === null && high === null) return null;
  return [low === null ? -Number.MAX_VALUE : low * scale, high === null ? Number.MAX_VALUE : high * scale];
}

export function text(value: number): string {
  return String(Number(value.toPrecision(3)));
}
