/** Of a mistyped name no more is compared. */
const maxCompared = 64;

/** The one of `names` that `asked` was perhaps meant to be: it differs in a third of its letters at most, capitals aside. Null where none does. */
export function nearestName(asked: string, names: Iterable<string>): string | null {
  const text = asked.slice(0, maxCompared);
  let [best, least]: [string | null, number] = [null, Math.max(1, Math.floor(text.length / 3)) + 1];
  for (const name of names) {
    const differing = distance(text.toLowerCase(), name.toLowerCase());
    if (differing < least) [best, least] = [name, differing];
  }
  return best;
}

/** Letters to put in, take out, change, or swap with their neighbour. Source: optimal string alignment, after Damerau and Levenshtein. */
function distance(one: string, other: string): number {
  let [earlier, before]: [number[], number[]] = [[], Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let at = 1; at <= one.length; at++) {
    const row = [at];
    for (let to = 1; to <= other.length; to++) {
      const isSwap = at > 1 && to > 1 && one[at - 1] === other[to - 2] && one[at - 2] === other[to - 1];
      row.push(Math.min(before[to]! + 1, row[to - 1]! + 1, before[to - 1]! + (one[at - 1] === other[to - 1] ? 0 : 1), isSwap ? earlier[to - 2]! + 1 : Infinity));
    }
    [earlier, before] = [before, row];
  }
  return before[other.length]!;
}
