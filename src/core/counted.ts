/** `1 row`, `3 rows`, `1 query`, `2 queries`: a number of things in a sentence for people. `many` is given where it is not `one` with an s. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
