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

/** Of limits of calls, and of who waits for them. */
export const limitOptions = [
  { flags: "--requests-per-minute <count>", description: "at most" },
  { flags: "--tokens-per-minute <count>", description: "at most, of input and output" },
  { flags: "--concurrency <count>", description: "calls under way" },
  { flags: "--queue <count>", description: "calls that wait for their turn in these limits instead of 429; none of them where it is left out" },
  { flags: "--queue-ms <milliseconds>", description: "how long one waits at most" },
] as const;

/** What these options say, as `numbersOf` does. Throws INVALID_REQUEST. */
export function limitNumbers({ requestsPerMinute, tokensPerMinute, concurrency, queue, queueMs }: OptionTexts, ifZero: string): Record<string, number | null> {
  return { ...numbersOf({ requestsPerMinute, tokensPerMinute, concurrency }, ifZero), ...numbersOf({ queue, queueMs }, "Where no call shall wait, it is none.") };
}

/** Limits with what `limitNumbers` has; undefined where nothing is limited any more. Throws INVALID_REQUEST for a queue before no limit. */
export function callLimitsWith(present: object | undefined, values: Readonly<Record<string, number | null>>): Record<string, unknown> | undefined {
  const limits = limitsWith(present, values, ["requestsPerMinute", "tokensPerMinute", "concurrency"]);
  if (limits === undefined && (typeof values.queue === "number" || typeof values.queueMs === "number")) {
    throw new AppError("INVALID_REQUEST", "Calls wait for a limit, and there is none: give --requests-per-minute, --tokens-per-minute or --concurrency beside --queue and --queue-ms.");
  }
  return limits;
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
