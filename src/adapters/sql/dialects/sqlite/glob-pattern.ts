import { SqlError } from "../../sql-error.ts";

/**
 * The GLOB pattern that matches what the LIKE pattern matches on Postgres: by case, `%` any text, `_` one character,
 * `\` before a character takes it literally. SQLite's own LIKE ignores the case of ASCII letters.
 */
export function globOfLike(pattern: string): string {
  let glob = "";
  let escaped = false;
  for (const character of pattern) {
    if (escaped) {
      glob += globLiteral(character);
      escaped = false;
    } else if (character === "\\") escaped = true;
    else if (character === "%") glob += "*";
    else if (character === "_") glob += "?";
    else glob += globLiteral(character);
  }
  if (escaped) throw new SqlError("misuse", "A LIKE pattern must not end with its escape character.");
  return glob;
}

function globLiteral(character: string): string {
  return character === "*" || character === "?" || character === "[" ? `[${character}]` : character;
}
