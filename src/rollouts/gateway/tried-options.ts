import { readFile } from "node:fs/promises";
import { AppError } from "../../core/errors.ts";

type Options = Readonly<Record<string, unknown>>;

/** How the command line says which settings of a route are tried. */
export const triedOptions = [
  { flags: "--settings <file>", description: "of a route: JSON of what is different from its present settings; null takes something away" },
  { flags: "--prompt <file>", description: "of a route: another system prompt" },
] as const;

/** Of a rollout of a route. Throws INVALID_REQUEST where nothing, or too much, is said. */
export async function triedOf({ settings, prompt, version }: Options): Promise<{ change: unknown } | { revision: number }> {
  if (typeof version === "string" && settings === undefined && prompt === undefined) {
    if (!/^[1-9]\d{0,8}$/.test(version)) throw new AppError("INVALID_REQUEST", `--version takes the number of a revision of the route, and not ${version}.`);
    return { revision: Number(version) };
  }
  if (version !== undefined || (settings === undefined && prompt === undefined)) throw new AppError("INVALID_REQUEST", "Say what is tried: --settings FILE, --prompt FILE, or --version REVISION.");
  const change = typeof settings === "string" ? await jsonOf(settings) : {};
  if (typeof change !== "object" || change === null) throw new AppError("INVALID_REQUEST", "--settings takes a file with a JSON object.");
  return { change: { ...change, ...(typeof prompt === "string" ? { systemPrompt: (await textOf(prompt)).trim() } : {}) } };
}

/** NAME=REVISION or NAME=FILE.json, each with :PERCENT or without. */
export async function triedVariantOf(text: string): Promise<{ name: string; percent?: number; revision?: number; change?: unknown }> {
  const [, name, tried, percent] = /^\s*([^=:,]+)=(.+?)(?::(\d+(?:\.\d+)?)%?)?\s*$/.exec(text) ?? [];
  if (name === undefined || tried === undefined) throw new AppError("INVALID_REQUEST", `A variant of a route is written as NAME=REVISION or NAME=FILE, each with :PERCENT or without, and not ${text}.`);
  return { name, ...(/^\d+$/.test(tried) ? { revision: Number(tried) } : { change: await jsonOf(tried) }), ...(percent === undefined ? {} : { percent: Number(percent) }) };
}

export async function jsonOf(path: string): Promise<unknown> {
  const text = await textOf(path);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", `${path} is not JSON.`, { cause });
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", `${path} cannot be read.`, { cause });
  }
}
