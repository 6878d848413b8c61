import { readFile } from "node:fs/promises";
import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import type { DeployFiles } from "./deploy-files.ts";

/** Flags of `slipway deploy` for what is no model file: servers upstream and tables to look up. */
export const deployKindOptions: NonNullable<Command["options"]> = [
  { flags: "--protocol <protocol>", description: "what the server speaks: open-inference, tf-serving, torchserve, sagemaker or json" },
  { flags: "--upstream-model <name>", description: "the model's name on that server; --name when it is left out" },
  { flags: "--upstream-version <version>", description: "its version there; the server's choice when it is left out" },
  { flags: "--upstream-path <path>", description: "where predictions are asked for, in the place of the protocol's own path" },
  { flags: "--health-path <path>", description: "what answers 2xx while predictions can be had" },
  { flags: "--signature-name <name>", description: "of tf-serving; serving_default when it is left out" },
  { flags: "--signature <file>", description: "JSON file with inputs and outputs, where the server cannot tell them; {\"inputs\": [{\"name\", \"datatype\", \"shape\"}], \"outputs\": [...]}" },
  { flags: "--format <format>", description: "how rows are written: instances, inputs, records, columns, split, array or csv" },
  { flags: "--missing <how>", description: "what is written for NaN: refuse, null or word" },
  { flags: "--timeout <time>", description: "for one request upstream, such as 2s or 500ms; 2s when it is left out" },
  { flags: "--header <name=value...>", description: "header sent upstream, kept sealed; NAME=@FILE reads the value from a file" },
  { flags: "--requests-at-once <number>", description: "requests upstream at once; 32 when it is left out" },
  { flags: "--join-requests", description: "send requests of several callers upstream as one" },
  { flags: "--runtime <kind>", description: "lookup: the file is a table of predictions" },
  { flags: "--key <columns>", description: "columns of the table that are asked for, comma-separated" },
  { flags: "--default <json>", description: "answer for keys that the table does not have, such as '{\"score\": 0.5}'" },
];

/** What the flags say; nothing for a model file. Throws INVALID_REQUEST. */
export async function readDeployKind(options: Readonly<Record<string, unknown>>): Promise<Pick<DeployFiles, "upstream" | "lookup">> {
  const given = options as Record<string, string | undefined>;
  if (given.runtime !== undefined && given.runtime !== "lookup") throw invalid("--runtime takes lookup; every other kind shows by itself.");
  if ((given.runtime === undefined) !== (given.key === undefined)) throw invalid("--runtime lookup and --key belong together.");
  if (given.key !== undefined) {
    const keys = given.key.split(",").map((key) => key.trim()).filter(Boolean);
    return { lookup: { keys, ...(given.default === undefined ? {} : { default: parsed(given.default, "--default") as Record<string, number> }) } };
  }
  if (given.protocol === undefined) return {};
  const headers = await Promise.all(((options.header as string[] | undefined) ?? []).map(readHeader));
  return {
    // The server's schema judges every value.
    upstream: withoutUndefined({
      protocol: given.protocol, model: given.upstreamModel, version: given.upstreamVersion, path: given.upstreamPath, healthPath: given.healthPath,
      signatureName: given.signatureName, format: given.format, missing: given.missing,
      timeoutMs: given.timeout === undefined ? undefined : millisecondsOf(given.timeout),
      requestsAtOnce: given.requestsAtOnce === undefined ? undefined : Number(given.requestsAtOnce),
      joinRequests: Boolean(given.joinRequests),
      headers: Object.fromEntries(headers),
      signature: given.signature === undefined ? undefined : parsed(await contentOf(given.signature), given.signature),
    }) as unknown as NonNullable<DeployFiles["upstream"]>,
  };
}

async function readHeader(text: string): Promise<[string, string]> {
  const separator = text.indexOf("=");
  if (separator < 1) throw invalid(`${text.split(/[ :]/, 1)[0]!} is no header such as Authorization=@token.txt.`);
  const [name, value] = [text.slice(0, separator), text.slice(separator + 1)];
  return [name, value.startsWith("@") ? (await contentOf(value.slice(1))).trim() : value];
}

function millisecondsOf(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  if (number === undefined) throw invalid(`${text} is no time such as 2s or 500ms.`);
  return Math.round(Number(number) * (unit === "ms" ? 1 : unit === "m" ? 60_000 : 1000));
}

async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", `${path} cannot be read.`, { cause });
  }
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", `${what} is not JSON.`, { cause });
  }
}

function withoutUndefined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function invalid(message: string): AppError {
  return new AppError("INVALID_REQUEST", message);
}
