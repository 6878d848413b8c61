import type { Run, SearchCondition, SearchField, SearchOrder } from "./schemas.ts";

/** What a search must find, worked out run by run: the measure for stores. */
export function naiveSearch(runs: readonly Run[], { conditions, order }: { conditions: readonly SearchCondition[]; order: readonly SearchOrder[] }): Run[] {
  return runs
    .filter((run) => conditions.every((condition) => meets(run, condition)))
    .sort((left, right) => {
      for (const field of order) {
        const difference = compare(valuesOf(left, field)[0], valuesOf(right, field)[0], field.descending);
        if (difference !== 0) return difference;
      }
      return right.startTime - left.startTime || compareText(left.id, right.id);
    });
}

type Value = string | number;

function valuesOf(run: Run, { kind, key }: SearchField): Value[] {
  if (kind === "metric") return run.metrics.filter((metric) => metric.key === key).map(({ value }) => value);
  if (kind === "param") return run.params.filter((param) => param.key === key).map(({ value }) => value);
  if (kind === "tag") return run.tags.filter((tag) => tag.key === key).map(({ value }) => value);
  if (kind === "dataset") {
    return run.datasets.flatMap(({ dataset, tags }) =>
      key === "context" ? tags.filter((tag) => tag.key === "mlflow.data.context").map(({ value }) => value) : [dataset[key as "name" | "digest"]]);
  }
  const value = run[key as "id" | "name" | "user" | "status" | "artifactUri" | "startTime" | "endTime"];
  return value === null ? [] : [value];
}

function meets(run: Run, condition: SearchCondition): boolean {
  const values = valuesOf(run, condition);
  if (!("value" in condition)) return (values.length === 0) === (condition.operator === "IS NULL");
  if (values.length === 0) return "absentMatches" in condition && condition.absentMatches === true;
  return values.some((value) => {
    switch (condition.operator) {
      case "IN": return condition.value.includes(String(value));
      case "NOT IN": return !condition.value.includes(String(value));
      case "LIKE": return isLike(String(value), condition.value);
      case "ILIKE": return isLike(lower(String(value)), lower(condition.value));
      case "=": return value === condition.value;
      case "!=": return value !== condition.value;
      case ">": return difference(value, condition.value) > 0;
      case ">=": return difference(value, condition.value) >= 0;
      case "<": return difference(value, condition.value) < 0;
      default: return difference(value, condition.value) <= 0;
    }
  });
}

/** NaN for NaN: then no comparison holds. */
function difference(left: Value, right: Value): number {
  if (typeof left === "string" || typeof right === "string") return compareText(String(left), String(right));
  return left === right ? 0 : left < right ? -1 : left > right ? 1 : NaN;
}

/** ASCII letters alone. */
function lower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function isLike(text: string, pattern: string): boolean {
  const source = Array.from(pattern, (character) => (character === "%" ? "[^]*" : character === "_" ? "[^]" : character.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&"))).join("");
  return new RegExp(`^${source}$`, "u").test(text);
}

function compare(left: Value | undefined, right: Value | undefined, descending: boolean): number {
  const place = (value: Value | undefined): number => (value === undefined ? 2 : Number.isNaN(value) ? 1 : 0);
  if (place(left) !== place(right) || place(left) > 0) return place(left) - place(right);
  const order = difference(left!, right!);
  return descending ? -order : order;
}

function compareText(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
