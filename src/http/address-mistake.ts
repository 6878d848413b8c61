/**
 * What is wrong with the base address of a client that asks for `path` and means `meant`: clients put the same end behind whatever address they are given. Empty
 * where their ends differ, for then the path itself is mistyped, and where nothing but slashes does.
 */
export function addressMistake(path: string, meant: string): string {
  const [given, right] = [path, meant].map((text) => text.split("/").filter((segment) => segment !== "")) as [string[], string[]];
  let same = 0;
  while (same < Math.min(given.length, right.length) && given.at(-1 - same) === right.at(-1 - same)) same++;
  const [surplus, lack] = [given, right].map((segments) => segments.slice(0, segments.length - same).map((segment) => `/${segment}`).join("")) as [string, string];
  if (same === 0 || surplus === lack) return "";
  if (surplus === "") return ` The client's base address lacks ${lack}.`;
  return lack === "" ? ` The client's base address has ${surplus} too much.` : ` The client's base address has ${surplus} where ${lack} belongs.`;
}
