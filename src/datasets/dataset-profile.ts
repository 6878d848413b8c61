import type { ColumnProfile, ProfileRequest } from "../registry/index.ts";
import type { DatasetColumn } from "./schemas.ts";

/** Characters of categories that one profile keeps: it is read with every version. */
const maxCategoryCharacters = 1024 * 1024;

/** Numbers are profiled as numbers; words, booleans and points in time as categories. */
export function profileRequests(columns: readonly DatasetColumn[]): ProfileRequest[] {
  return columns.flatMap(({ name, kind }): ProfileRequest[] =>
    kind === "other" ? [] : [{ column: name, input: name, index: 0, kind: kind === "integer" || kind === "float" ? "numeric" : "categorical" }]);
}

/** Keeps of each column the most frequent categories as long as all columns together stay small; the others count as others. */
export function keepSmall(profile: readonly ColumnProfile[]): ColumnProfile[] {
  const categorical = profile.filter(({ kind }) => kind === "categorical").length;
  const perColumn = Math.floor(maxCategoryCharacters / Math.max(1, categorical));
  return profile.map((column) => {
    if (column.kind !== "categorical") return column;
    let left = perColumn;
    // A count and its quotes take some characters too.
    const cut = column.categories.findIndex(({ value }) => (left -= value.length + 16) < 0);
    if (cut < 0) return column;
    const dropped = column.categories.slice(cut).reduce((sum, { count }) => sum + count, 0);
    return { ...column, categories: column.categories.slice(0, cut), otherCount: column.otherCount + dropped };
  });
}
