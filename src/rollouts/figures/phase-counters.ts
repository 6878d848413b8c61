import type { PhaseFigures } from "../schemas.ts";
import { ArmCounters } from "./arm-counters.ts";
import { PairedCounters } from "./paired-counters.ts";

/** Everything that is counted of one phase of one rollout on this server. */
export class PhaseCounters {
  readonly rollout: string;
  readonly phase: string;
  /** Goes up with everything that is added: what was written at the same count is written already. */
  changes = 0;
  /** A handful each, looked through faster than hashed. */
  readonly #arms: { arm: string; version: string; counters: ArmCounters }[] = [];
  readonly #paired: { arm: string; counters: PairedCounters }[] = [];
  readonly #hardFailures = new Map<string, number>();

  constructor(rollout: string, phase: string) {
    this.rollout = rollout;
    this.phase = phase;
  }

  arm(arm: string, version: string): ArmCounters {
    for (const known of this.#arms) if (known.version === version && known.arm === arm) return known.counters;
    const counters = new ArmCounters(arm, version);
    this.#arms.push({ arm, version, counters });
    return counters;
  }

  /** Of an arm whatever its version; a phase has one of each name. */
  knownArm(arm: string): ArmCounters | undefined {
    return this.#arms.find((known) => known.arm === arm)?.counters;
  }

  paired(arm: string): PairedCounters {
    for (const known of this.#paired) if (known.arm === arm) return known.counters;
    const counters = new PairedCounters(arm);
    this.#paired.push({ arm, counters });
    return counters;
  }

  /** How many requests the arm has failed at, with this one. */
  countHardFailure(arm: string): number {
    const count = (this.#hardFailures.get(arm) ?? 0) + 1;
    this.#hardFailures.set(arm, count);
    return count;
  }

  toFigures(): PhaseFigures {
    return { arms: this.#arms.map(({ counters }) => counters.toFigures()), paired: this.#paired.map(({ counters }) => counters.toFigures()) };
  }
}
