/** `.` or `..` between slashes, written in any of the ways that some program on the way takes for it; parameters of a segment (`..;x`) count as nothing for some. */
const dotSegment = /(?:\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?=$|\/|\\|%2f|%5c|;)/i;

/**
 * Why two programs may find different paths in a request's target; null where there is one path. What stands behind a `#` is
 * nothing for one of them and a part of the query for another, `\` is a slash for some, and who resolves `..` finds another
 * route than who does not: a rule for paths, in a proxy or here, would hold for one of the two.
 */
export function targetAmbiguity(target: string): string | null {
  if (target.includes("#")) return "Its target has a #, which is never sent; where it belongs to a name, it is written %23.";
  const queryStart = target.indexOf("?");
  const path = queryStart < 0 ? target : target.slice(0, queryStart);
  if (path.includes("\\")) return "The path of its target has a \\; where it belongs to a name, it is written %5C.";
  if (dotSegment.test(path)) return "The path of its target has a segment that is only dots; send the path that it means.";
  return null;
}
