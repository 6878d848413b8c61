import type { ProviderKind, ProviderSettings, SecretSource } from "./gateway-data.ts";

export interface ProviderForm {
  kind: ProviderKind;
  baseUrl: string;
  region: string;
  apiVersion: string;
  /** One a line; all of the provider's where there is none. */
  models: string;
  /** `NAME: value`, one a line. */
  headers: string;
  secretFrom: "keep" | "none" | SecretSource["from"];
  secret: string;
}

export const blankProvider: ProviderSettings = { kind: "openai", headers: {}, connectTimeoutMs: 5000, idleTimeoutMs: 60_000, maxConnections: 256, breaker: { failures: 5, openSeconds: 15 } };

/** Kinds that are asked without a key unless somebody sets one. */
export const keyless: readonly ProviderKind[] = ["ollama", "compatible", "echo", "scripted"];

export function providerFormOf(settings: ProviderSettings, secretFrom: ProviderForm["secretFrom"]): ProviderForm {
  return {
    kind: settings.kind, baseUrl: settings.baseUrl ?? "", region: settings.region ?? "", apiVersion: settings.apiVersion ?? "", models: (settings.models ?? []).join("\n"),
    headers: Object.entries(settings.headers).map(([name, value]) => `${name}: ${value}`).join("\n"), secretFrom, secret: "",
  };
}

const lines = (text: string): string[] => text.split("\n").map((line) => line.trim()).filter((line) => line !== "");

/** What the server takes; what the form has no field for stays as it was. A secret that is kept is not mentioned. */
export function providerRequestOf(form: ProviderForm, before: ProviderSettings): { settings: ProviderSettings; secret?: SecretSource | null } {
  const { baseUrl: _baseUrl, region: _region, apiVersion: _apiVersion, models: _models, ...rest } = before;
  const models = lines(form.models);
  const settings: ProviderSettings = {
    ...rest, kind: form.kind, headers: Object.fromEntries(lines(form.headers).map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()])),
    ...(form.baseUrl.trim() === "" ? {} : { baseUrl: form.baseUrl.trim() }), ...(form.region.trim() === "" ? {} : { region: form.region.trim() }),
    ...(form.apiVersion.trim() === "" ? {} : { apiVersion: form.apiVersion.trim() }), ...(models.length === 0 ? {} : { models }),
  };
  switch (form.secretFrom) {
    case "keep": return { settings };
    case "none": return { settings, secret: null };
    case "value": return { settings, secret: { from: "value", value: form.secret } };
    case "environment": return { settings, secret: { from: "environment", name: form.secret.trim() } };
    case "file": return { settings, secret: { from: "file", path: form.secret.trim() } };
  }
}

export function providerProblems(form: ProviderForm): Record<string, string> {
  const problems: Record<string, string> = {};
  if (form.baseUrl.trim() === "" && ["azure", "compatible"].includes(form.kind)) problems.baseUrl = "Where is it?";
  else if (form.baseUrl.trim() !== "" && !/^https?:\/\/[^/\s]/.test(form.baseUrl.trim())) problems.baseUrl = "An address with http:// or https://.";
  if (form.kind === "bedrock" && form.region.trim() === "" && form.baseUrl.trim() === "") problems.region = "Such as eu-central-1.";
  if (lines(form.headers).some((line) => !/^[A-Za-z0-9-]{1,100}\s*:/.test(line))) problems.headers = "NAME: value, one a line.";
  if (["value", "environment", "file"].includes(form.secretFrom) && form.secret.trim() === "") problems.secret = "It is empty.";
  return problems;
}
