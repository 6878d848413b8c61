/** Text as it stands inside a LIKE or ILIKE pattern, where `%`, `_` and the escape `\` have a meaning. */
export function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, "\\$&");
}
