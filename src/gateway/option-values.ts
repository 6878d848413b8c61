import { readFile } from "node:fs/promises";
import { AppError } from "../core/errors.ts";

/** Options as they were given, by their names. */
export type OptionTexts = Record<string, string | undefined>;

/** With what is said anew; null takes a value away. */
export function changed(present: object | undefined, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...present, ...values }).filter(([name]) => values[name] !== null));
}

/** What options say, by their names; null where it is `none`. `ifZero` says what does what a zero was to do. Throws INVALID_REQUEST. */
export function numbersOf(texts: OptionTexts, ifZero: string): Record<string, number | null> {
  const found: Record<string, number | null> = {};
  for (const [name, text] of Object.entries(texts)) {
    if (text === undefined) continue;
    if (text !== "none" && !(Number(text) > 0)) throw new AppError("INVALID_REQUEST", `--${flagOf(name)} takes a number above 0, or none, not ${JSON.stringify(text)}.${Number(text) === 0 ? ` ${ifZero}` : ""}`);
    found[name] = text === "none" ? null : Number(text);
  }
  return found;
}

/** Limits or budgets with what is said anew; undefined where nothing is limited any more. */
export function limitsWith(present: object | undefined, values: Readonly<Record<string, number | null>>, names: readonly string[]): Record<string, unknown> | undefined {
  if (Object.keys(values).length === 0) return present as Record<string, unknown> | undefined;
  const limits = changed(present, values);
  return names.some((name) => limits[name] !== undefined) ? limits : undefined;
}

function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Throws INVALID_REQUEST. */
export async function jsonOfFile(path: string): Promise<unknown> {
  const text = await textOfFile(path);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", `${path} is not JSON: ${(cause as Error).message}.`, { cause });
  }
}

/** Without white space around it. Throws INVALID_REQUEST. */
export async function textOfFile(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", `${path} cannot be read here: ${(cause as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (cause as Error).message}.`, { cause });
  }
}
