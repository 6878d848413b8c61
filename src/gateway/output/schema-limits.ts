import { AppError } from "../../core/errors.ts";

/** A JSON Schema as it came: an object, or `true` and `false` in the places of one. */
export type Schema = Readonly<Record<string, unknown>>;

const mostCharacters = 65_536;
const deepest = 64;
const mostNodes = 5000;

/**
 * Refuses a schema that is too large to be compiled for one call (64 KiB, 64 levels, 5,000 objects and arrays), or that points outside of itself: nothing is ever fetched. Throws INVALID_REQUEST with the place.
 */
export function checkSchemaLimits(schema: Schema): void {
  let nodes = 0;
  const walk = (value: unknown, path: string, depth: number): void => {
    if (typeof value !== "object" || value === null) return;
    if (depth > deepest) throw refused(path, `The schema has more than ${deepest} levels.`);
    if (++nodes > mostNodes) throw refused(path, `The schema has more than ${mostNodes} objects and lists.`);
    for (const [key, member] of Object.entries(value)) {
      if ((key === "$ref" || key === "$dynamicRef" || key === "$recursiveRef") && typeof member === "string" && !member.startsWith("#")) throw refused(`${path}.${key}`, "A schema may point to its own parts only: #/$defs/NAME.");
      walk(member, `${path}.${key}`, depth + 1);
    }
  };
  walk(schema, "schema", 0);
  if (JSON.stringify(schema).length > mostCharacters) throw refused("schema", `The schema has more than ${mostCharacters} characters.`);
}

export function refused(path: string, message: string): AppError {
  return new AppError("INVALID_REQUEST", `The schema of the answer cannot be used: ${message}`, { problems: [{ path, message }] });
}
