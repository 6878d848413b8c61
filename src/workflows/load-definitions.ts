import { createRequire } from "node:module";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AppError } from "../core/errors.ts";
import { isSafeName } from "../core/names.ts";
import type { WorkflowDefinition } from "./definition.ts";

/**
 * Loads modules that export workflows, by name, by default, or as a list by default. A module is a path (absolute, or from
 * `directory`) or the name of a package that is installed there. Throws CONFIG_INVALID with the module as it was given when it
 * is not there, fails to load, or exports no workflow.
 */
export async function loadDefinitions(modules: readonly string[], directory: string): Promise<WorkflowDefinition[]> {
  const loaded: WorkflowDefinition[] = [];
  for (const given of modules) {
    const exported = await importModule(given, directory);
    const definitions = [...new Set(Object.values(exported).flat())].filter(looksLikeDefinition);
    if (definitions.length === 0) throw new AppError("CONFIG_INVALID", `workflows: ${given} exports no workflow; write export default workflow({ ... }).`);
    for (const definition of definitions) assertDefinition(definition, given);
    loaded.push(...definitions);
  }
  return loaded;
}

async function importModule(given: string, directory: string): Promise<Record<string, unknown>> {
  const isPath = given.startsWith(".") || given.includes("\\") || isAbsolute(given) || /\.[cm]?[jt]s$/.test(given);
  try {
    const url = isPath ? pathToFileURL(resolve(directory, given)).href : pathToFileURL(createRequire(resolve(directory, "package.json")).resolve(given)).href;
    return (await import(url)) as Record<string, unknown>;
  } catch (cause) {
    // The person who starts the server wrote the module: its own words are what helps.
    throw new AppError("CONFIG_INVALID", `workflows: ${given} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** What has a name and runs was meant as one; everything else that a module exports is its own business. */
function looksLikeDefinition(value: unknown): value is WorkflowDefinition {
  return typeof value === "object" && value !== null && "run" in value && typeof value.run === "function" && "name" in value;
}

function assertDefinition({ name, version, description, input, concurrency, timeoutMs }: WorkflowDefinition, given: string): void {
  const refuse = (problem: string): never => {
    throw new AppError("CONFIG_INVALID", `workflows: ${given}: the workflow ${JSON.stringify(name)} ${problem}.`);
  };
  if (typeof name !== "string" || !isSafeName(name)) refuse("needs a name of 1 to 128 letters, digits, dots, dashes and underscores");
  if (!Number.isSafeInteger(version) || version < 1) refuse("needs a version from 1");
  if (typeof description !== "string") refuse("needs a description");
  if (typeof (input as unknown as { safeParse?: unknown } | undefined)?.safeParse !== "function") refuse("needs a Zod schema of its input");
  if (concurrency !== undefined && !(Number.isSafeInteger(concurrency.limit) && concurrency.limit >= 1)) refuse("needs a concurrency limit from 1");
  if (timeoutMs !== undefined && !(timeoutMs > 0)) refuse("needs a timeout above 0");
}
