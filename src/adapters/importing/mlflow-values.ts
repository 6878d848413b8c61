import { RunStatus, type Lifecycle } from "../../tracking/schemas.ts";

/** Values as MLflow's stores write them: in columns, in YAML, on the wire. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : "";
}

/** Null for what is none. */
export function numberOf(value: unknown): number | null {
  if (value === null || value === undefined || value === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? Math.trunc(number) : null;
}

export function lifecycleOf(value: unknown): Lifecycle {
  return textOf(value).toLowerCase() === "deleted" ? "deleted" : "active";
}

const numberedStatus = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"] as const;

/** By name, or by the number that the file store writes. */
export function runStatusOf(value: unknown): RunStatus {
  const named = RunStatus.safeParse(textOf(value).toUpperCase());
  return named.success ? named.data : (numberedStatus[Number(value) - 1] ?? "FINISHED");
}

/** The logged model of an address `models:/m-...`; null for every other. */
export function loggedModelOf(source: string): string | null {
  return /^models:\/(m-[0-9a-zA-Z]+)$/.exec(source)?.[1] ?? null;
}
