import type { ArmFigures, PairedFigures, PhaseFigures, ReplicaFigures } from "../schemas.ts";
import { mergeMoments, mergeSparseCounts } from "../statistics/index.ts";
import { countKeys, mergeKeys } from "./key-sample.ts";

/**
 * Figures of several servers, or of several phases, as one: whatever their order and grouping, the same (moments up to the rounding of doubles). Arms in the order of their
 * names. Fields that another release wrote beside are left out.
 */
export function mergeFigures(parts: readonly ReplicaFigures[]): ReplicaFigures {
  const arms = groupBy(parts.flatMap(({ arms }) => arms), ({ arm, version }) => `${arm}\n${version}`);
  const paired = groupBy(parts.flatMap(({ paired }) => paired), ({ arm }) => arm);
  const assigned = parts.flatMap((part) => part.assigned ?? []);
  const counted = assigned.length === 0 ? {} : { assigned: { keys: mergeKeys(assigned.map(({ keys }) => keys)), drawn: mergeCounts(assigned.map(({ drawn }) => drawn)) } };
  return { arms: arms.map(mergeArms), paired: paired.map(mergePaired), ...counted };
}

/** What is judged, kept and shown: keys are added up, so no more can be added. */
export function withoutHashes({ assigned, ...figures }: ReplicaFigures): PhaseFigures {
  return assigned === undefined ? figures : { ...figures, assigned: { ...countKeys(assigned.keys), drawn: assigned.drawn } };
}

function mergeArms(parts: readonly ArmFigures[]): ArmFigures {
  const { arm, version } = parts[0]!;
  return {
    arm, version,
    requests: sum(parts, ({ requests }) => requests),
    rows: sum(parts, ({ rows }) => rows),
    failures: mergeCounts(parts.map(({ failures }) => failures)),
    retries: sum(parts, ({ retries }) => retries),
    latencyUs: mergeSparseCounts(parts.map(({ latencyUs }) => latencyUs)),
    predictions: mergePredictions(parts.map(({ predictions }) => predictions)),
    errors: mergeMoments(parts.map(({ errors }) => errors)),
    ...mergeLimited(parts),
    ...mergeValues(parts),
  };
}

/** One version predicts labels or numbers everywhere; should two servers disagree, labels count. Labels are not bounded again: what is left out must not depend on the order. */
function mergePredictions(parts: readonly ArmFigures["predictions"][]): ArmFigures["predictions"] {
  const labels = parts.filter((part) => part?.kind === "label");
  if (labels.length > 0) return { kind: "label", counts: mergeCounts(labels.map(({ counts }) => counts)), other: sum(labels, ({ other }) => other) };
  const numbers = parts.filter((part) => part?.kind === "number");
  if (numbers.length === 0) return null;
  return { kind: "number", counts: mergeSparseCounts(numbers.map(({ counts }) => counts)), moments: mergeMoments(numbers.map(({ moments }) => moments)) };
}

function mergePaired(parts: readonly PairedFigures[]): PairedFigures {
  return {
    arm: parts[0]!.arm,
    pairs: sum(parts, ({ pairs }) => pairs),
    skipped: sum(parts, ({ skipped }) => skipped),
    disagreements: sum(parts, ({ disagreements }) => disagreements),
    labels: sum(parts, ({ labels }) => labels),
    difference: mergeMoments(parts.map(({ difference }) => difference)),
    absoluteDifference: mergeMoments(parts.map(({ absoluteDifference }) => absoluteDifference)),
    latencyUs: mergeMoments(parts.map(({ latencyUs }) => latencyUs)),
    ...mergeValues(parts),
  };
}

function mergeLimited(parts: readonly ArmFigures[]): Pick<ArmFigures, "limited"> {
  const told = parts.flatMap(({ limited }) => limited ?? []);
  return told.length === 0 ? {} : { limited: { calls: sum(told, ({ calls }) => calls), own: sum(told, ({ own }) => own) } };
}

/** Absent where no part has any, so that figures without values stay as they were. */
function mergeValues(parts: readonly Pick<ArmFigures, "values">[]): Pick<ArmFigures, "values"> {
  const names = new Set(parts.flatMap(({ values }) => Object.keys(values ?? {})));
  if (names.size === 0) return {};
  return { values: Object.fromEntries([...names].sort().map((name) => [name, mergeMoments(parts.flatMap(({ values }) => values?.[name] ?? []))])) };
}

function sum<Part>(parts: readonly Part[], count: (part: Part) => number): number {
  return parts.reduce((total, part) => total + count(part), 0);
}

function mergeCounts(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const part of parts) for (const [name, count] of Object.entries(part)) sums.set(name, (sums.get(name) ?? 0) + count);
  return Object.fromEntries([...sums].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Groups in the order of their keys. */
function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[][] {
  const groups = Map.groupBy(items, keyOf);
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group);
}
