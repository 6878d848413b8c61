import type { EpochMs } from "../core/clock.ts";
import type { DoctorCheck } from "../core/doctor-check.ts";
import type { DoctorResult } from "./schemas.ts";

const patienceMs = 10_000;

/** Runs all checks side by side; one that fails or hangs is a finding of its own and holds up no other. */
export function examine(checks: readonly DoctorCheck[], now: EpochMs, limitMs = patienceMs): Promise<DoctorResult[]> {
  return Promise.all(checks.map(async (check) => ({ name: check.name, ...(await withinLimit(check, now, limitMs)) })));
}

async function withinLimit(check: DoctorCheck, now: EpochMs, limitMs: number): Promise<Omit<DoctorResult, "name">> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Omit<DoctorResult, "name">>((resolve) => {
    timer = setTimeout(() => resolve({ state: "problem", finding: `There was no answer within ${limitMs / 1000} s.`, advice: "Look at what this check asks: it hangs." }), limitMs);
  });
  try {
    return await Promise.race([Promise.resolve().then(() => check.run(now)), late]);
  } catch (error) {
    const finding = `The check itself failed: ${error instanceof Error ? error.message : String(error)}`;
    return { state: "problem", finding, advice: "The server's log may say more." };
  } finally {
    clearTimeout(timer);
  }
}
