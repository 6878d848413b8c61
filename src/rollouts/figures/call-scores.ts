import type { ArrivedFeedback, RemovedFeedback, SplitPlace, TraceKey } from "../../tracing/index.ts";
import type { ReplicaFigures } from "../schemas.ts";
import { ArmCounters } from "./arm-counters.ts";

/** Feedback with a place for its trace's answers, several where the trace has several. */
export interface PlacedFeedback {
  arrived: Pick<ArrivedFeedback, "team" | "feedback" | "receivedAt">;
  places: readonly SplitPlace[];
}

interface ScoredCall {
  places: readonly SplitPlace[];
  /** By the id of the feedback. */
  scores: Map<string, { name: string; value: number | null; time: number; revision: number }>;
}

/**
 * The scores of one rollout's calls, put together from what is stored: the same from any server, in any order, however often it is told. What is changed or removed counts as if it had never been otherwise. A trace
 * whose answers were of several arms counts for none of them. A scored call takes some 500 bytes.
 */
export class CallScores {
  /** Goes up with every change of the figures. */
  changes = 0;
  readonly #rollout: string;
  readonly #capacity: number;
  readonly #calls = new Map<string, ScoredCall>();
  #figures: { changes: number; ofPhases: ReadonlyMap<string, ReplicaFigures> } = { changes: 0, ofPhases: new Map() };

  /** `capacity`: calls; the scores of those beyond do not count. */
  constructor(rollout: string, capacity = 200_000) {
    this.#rollout = rollout;
    this.#capacity = capacity;
  }

  put({ arrived: { team, feedback, receivedAt }, places }: PlacedFeedback): void {
    const { traceId, id, name, kind, value, revision } = feedback;
    const own = places.filter(({ rollout }) => rollout === this.#rollout);
    // What should have come out is no opinion of what came out.
    if (own.length === 0 || kind !== "feedback") return;
    const key = keyOf({ team, traceId });
    let call = this.#calls.get(key);
    if (call === undefined) {
      if (this.#calls.size >= this.#capacity) return;
      this.#calls.set(key, (call = { places: own, scores: new Map() }));
    }
    const isMoved = call.places.length !== own.length;
    call.places = own;
    const known = call.scores.get(id);
    const isNew = known === undefined || known.revision < revision;
    if (isNew) call.scores.set(id, { name, value: scoreOf(value), time: receivedAt, revision });
    if (isMoved || isNew) this.changes++;
  }

  remove({ id, revision, ...of }: RemovedFeedback): void {
    const scores = this.#calls.get(keyOf(of))?.scores;
    const known = scores?.get(id);
    if (known === undefined || known.revision > revision) return;
    scores!.delete(id);
    this.changes++;
  }

  /** Phases with a scored call, also where its scores were taken back. */
  phases(): string[] {
    return [...this.#now().keys()];
  }

  ofPhase(phase: string): ReplicaFigures {
    return this.#now().get(phase) ?? { arms: [], paired: [] };
  }

  /** The newest score of one name for each trace whose answers are of one arm. */
  *valuesOf(name: string): Generator<{ place: SplitPlace; value: number }> {
    for (const call of this.#calls.values()) {
      const value = isOfOneArm(call) ? newestOf(call).get(name)?.value : null;
      if (typeof value === "number") yield { place: call.places[0]!, value };
    }
  }

  /** Added up anew where something has changed: sums from which values are taken away again are no longer exact. */
  #now(): ReadonlyMap<string, ReplicaFigures> {
    if (this.#figures.changes === this.changes) return this.#figures.ofPhases;
    const phases = new Map<string, Map<string, ArmCounters>>();
    for (const call of this.#calls.values()) {
      const isOfOne = isOfOneArm(call);
      const newest = newestOf(call);
      for (const { phase, arm, revision } of call.places) {
        let arms = phases.get(phase);
        if (arms === undefined) phases.set(phase, (arms = new Map()));
        if (!isOfOne) continue;
        let counters = arms.get(arm);
        if (counters === undefined) arms.set(arm, (counters = new ArmCounters(arm, revision)));
        for (const [name, { value }] of newest) if (value !== null) counters.addValue(`score ${name}`, value);
      }
    }
    const ofPhases = new Map([...phases].map(([phase, arms]): [string, ReplicaFigures] => [phase, { arms: [...arms.values()].map((counters) => counters.toFigures()), paired: [] }]));
    this.#figures = { changes: this.changes, ofPhases };
    return ofPhases;
  }
}

function isOfOneArm({ places }: ScoredCall): boolean {
  return new Set(places.map(({ arm, revision }) => `${revision} ${arm}`)).size === 1;
}

function newestOf({ scores }: ScoredCall): Map<string, { id: string; value: number | null; time: number }> {
  const newest = new Map<string, { id: string; value: number | null; time: number }>();
  for (const [id, score] of scores) {
    const known = newest.get(score.name);
    // Of one moment: by id, so that every server takes the same one.
    if (known === undefined || known.time < score.time || (known.time === score.time && known.id < id)) newest.set(score.name, { id, ...score });
  }
  return newest;
}

function keyOf({ team, traceId }: TraceKey): string {
  return `${traceId} ${team}`;
}

/** Null for what is no number: a text in place of a score takes that back. */
function scoreOf(value: unknown): number | null {
  const number = typeof value === "boolean" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}
