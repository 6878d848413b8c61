import { AppError } from "../core/errors.ts";
import { isLocalLocation } from "../core/local-path.ts";
import { isRegistryName } from "../core/names.ts";
import { Stage, type RegistryTag } from "./schemas.ts";

/** What may be written into the registry; every rule throws INVALID_NAME or INVALID_PARAMETER with words for people. */
const maxTagKey = 250;
const maxTagValue = 100_000;
const maxAlias = 255;
const maxSource = 10_000;

export function assertRegistryName(name: string): void {
  if (isRegistryName(name)) return;
  const why = /[/:]/.test(name) ? "Names cannot contain '/' or ':'." : "It takes 1 to 256 characters, no control characters, and neither '.' nor '..'.";
  throw new AppError("INVALID_NAME", `Invalid model name '${name.slice(0, 300)}'. ${why}`);
}

/** `latest` and `v1` would hide what they mean elsewhere. */
export function assertAlias(alias: string): void {
  assertAliasName(alias);
  if (alias.toLowerCase() === "latest") throw invalid("'latest' alias name (case insensitive) is reserved.");
  if (/^v\d+$/i.test(alias)) throw invalid(`Version alias name '${alias}' is reserved.`);
}

/** Letters, digits, dashes and underscores. */
export function assertAliasName(alias: string): void {
  if (alias === "") throw invalid("Registered model alias name cannot be empty.");
  if (!/^[\p{L}\p{N}_-]+$/u.test(alias)) {
    throw invalid(`Invalid alias name: '${alias.slice(0, 300)}'. Names may only contain alphanumerics, underscores (_) and dashes (-).`);
  }
  if (alias.length > maxAlias) throw invalid(`Registered model alias name is ${alias.length} characters long; at most ${maxAlias} are allowed.`);
}

export function assertTag({ key, value }: RegistryTag): void {
  assertTagKey(key);
  if (value.length > maxTagValue) throw invalid(`The value of the tag '${key}' is ${value.length} characters long; at most ${maxTagValue} are allowed.`);
}

export function assertTagKey(key: string): void {
  if (key === "") throw invalid("Missing value for required parameter 'key'.");
  if (key.length > maxTagKey) throw invalid(`The tag key '${key.slice(0, 80)}...' is ${key.length} characters long; at most ${maxTagKey} are allowed.`);
  if (!/^[/\p{L}\p{N}\p{M}_.\- :]*$/u.test(key) || key.startsWith("/") || key.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw invalid(`Invalid value ${JSON.stringify(key)} for parameter 'key' supplied: keys take letters, digits, underscores, dashes, dots, spaces, colons and slashes, and are no relative paths.`);
  }
}

/** In any case. */
export function stageOf(text: string): Stage {
  const stage = Stage.options.find((each) => each.toLowerCase() === text.toLowerCase());
  if (stage === undefined) throw invalid(`Invalid Model Version stage: ${text.slice(0, 100)}. Value must be one of ${Stage.options.join(", ")}.`);
  return stage;
}

/** Refuses local files, where they are not judged elsewhere (`mayBeLocal`), and whatever leads out of a folder, however it is written. Throws MODEL_SOURCE_INVALID. */
export function assertSource(source: string, { mayBeLocal = false } = {}): void {
  const refuse = (why: string): AppError => new AppError("MODEL_SOURCE_INVALID", `Invalid model version source: '${source.slice(0, 500)}'. ${why}`);
  if (source.length > maxSource) throw refuse("It is too long.");
  if (mayBeLocal && isLocalLocation(source)) return;
  if (isLocalLocation(source)) throw refuse("To use a local path as a model version source is not possible here: give the artifacts of a run, a logged model or another version.");
  let plain = source;
  for (let round = 0; round < 10; round++) {
    const next = unquoted(plain);
    if (next === plain) break;
    plain = next;
    if (round === 9) throw refuse("It is quoted too often.");
  }
  if (plain.includes("\0") || plain.split(/[/\\]/).some((part) => part === ".." || part === ".")) throw refuse("If supplying a source as an http, https, ftp, objectstore or mlflow-artifacts uri, an absolute path must be provided without relative path references present.");
}

/** Percent signs that begin no escape stay. */
function unquoted(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll("%", ""), "hex").toString());
}

function invalid(message: string): AppError {
  return new AppError("INVALID_PARAMETER", message);
}
