import type { ArmSample } from "../../serving/index.ts";
import type { ReplicaFigures } from "../schemas.ts";
import { ArmCounters } from "./arm-counters.ts";
import { armOfFraction, KeySample } from "./key-sample.ts";
import { PairedCounters } from "./paired-counters.ts";

/** Of the traffic, and not all of it. */
const hasShare = ({ from, to }: { from: number; to: number }): boolean => to > from && to - from < 1;

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
  /** Arms that were told to be limited beyond what may be. */
  readonly #limited = new Set<string>();
  readonly #keys = new KeySample();
  readonly #drawn = new Map<string, number>();
  #areAssigned = false;

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

  /** For the sample ratio. What stable answers in an arm's place is no fair share of anybody's, and rules share nothing. */
  countAssignment({ choice, route, arm }: Pick<ArmSample, "choice" | "route" | "arm">): void {
    if (choice === undefined || choice.fraction === null || !route.arms.some(hasShare) || armOfFraction(route.arms, choice.fraction) !== arm) return;
    this.#areAssigned = true;
    if (choice.by === "key") this.#keys.add(choice.fraction, arm);
    else this.#drawn.set(arm, (this.#drawn.get(arm) ?? 0) + 1);
  }

  /** True once for an arm. */
  isFirstLimit(arm: string): boolean {
    return this.#limited.size < this.#limited.add(arm).size;
  }

  /** How many requests the arm has failed at, with this one. */
  countHardFailure(arm: string): number {
    const count = (this.#hardFailures.get(arm) ?? 0) + 1;
    this.#hardFailures.set(arm, count);
    return count;
  }

  toFigures(): ReplicaFigures {
    const assigned = this.#areAssigned ? { assigned: { keys: this.#keys.toFigures(), drawn: Object.fromEntries(this.#drawn) } } : {};
    return { arms: this.#arms.map(({ counters }) => counters.toFigures()), paired: this.#paired.map(({ counters }) => counters.toFigures()), ...assigned };
  }
}
