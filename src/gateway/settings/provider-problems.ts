import type { Problem } from "../../core/errors.ts";
import { addressProblem } from "./provider-address.ts";
import { isSecretName } from "./provider-environment.ts";
import { providerBaseUrls } from "../providers/provider-mappings.ts";
import type { ProviderSettings, SecretSource } from "../schemas.ts";

const secretHeader = /^(authorization|cookie|proxy-.*|x-api-key|api-key|x-goog-api-key|host|content-length|transfer-encoding|connection)$/i;
/** Beginnings that keys of well-known providers have, alone or behind a word. */
const keyText = /(^|[\s:="'/])(sk-[\w-]{8}|AIza[\w-]{20}|AKIA[0-9A-Z]{12}|gsk_\w{10}|Bearer\s+\S{8})/i;
/** A line of a file of variables, pasted whole. */
const variableLine = /^(export\s+)?[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\s*=/;
const shownInList = "looks like a key, and everybody who sees the provider sees it: give keys as secret";

/** What is wrong with a provider that somebody enters, as far as its settings alone tell. No message holds a value that may be a key in the wrong field. */
export function providerProblems(settings: ProviderSettings, secret: SecretSource | null): Problem[] {
  const problems: Problem[] = [];
  const say = (path: string, message: string): void => void problems.push({ path, message });
  const { kind, baseUrl, region, apiVersion, headers, script = [] } = settings;
  if (baseUrl === undefined && kind !== "bedrock" && providerBaseUrls[kind] === null) say("settings.baseUrl", `is needed for a provider of kind ${kind}`);
  const wrongEnd = baseUrl === undefined || keyText.test(baseUrl) ? null : addressProblem(kind, baseUrl);
  if (wrongEnd !== null) say("settings.baseUrl", wrongEnd);
  else if (baseUrl !== undefined && /[?#]/.test(baseUrl)) say("settings.baseUrl", "must end with its path, without ? or #: paths are put behind it, and keys are given as secret");
  if (kind === "bedrock" && baseUrl === undefined && region === undefined) say("settings.region", "is needed for bedrock");
  if (settings.responses !== undefined && kind !== "compatible") say("settings.responses", "is for providers of kind compatible");
  if (kind === "scripted" && script.length === 0) say("settings.script", "needs an answer at least");
  for (const [path, text] of [["settings.baseUrl", baseUrl], ["settings.region", region], ["settings.apiVersion", apiVersion]] as const) if (text !== undefined && keyText.test(text)) say(path, shownInList);
  for (const [name, value] of Object.entries(headers)) {
    if (secretHeader.test(name)) say(`settings.headers.${name}`, "is set by the gateway itself; give secrets as secret");
    else if (keyText.test(value)) say(`settings.headers.${name}`, shownInList);
  }
  if (secret?.from === "environment" && !isSecretName(secret.name)) say("secret.name", "must be the usual name of a provider's key, or begin with SLIPWAY_PROVIDER_");
  if (secret?.from === "file" && (secret.path.startsWith("/") || secret.path.split(/[/\\]/).includes(".."))) say("secret.path", "must be a path below the folder SLIPWAY_SECRET_FILES, such as openai.key");
  if (secret?.from === "value") {
    const value = secret.value.trim();
    if (variableLine.test(value)) say("secret.value", "is a line NAME=KEY: give what stands behind the =");
    else if (/[^\x21-\x7e]/.test(value) || value === "") say("secret.value", "must be one key: a single line of letters, digits and signs without spaces");
  }
  return problems;
}
