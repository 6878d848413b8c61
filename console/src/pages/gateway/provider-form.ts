import type { Limits, ProviderKind, ProviderSettings, SecretSource } from "./gateway-data.ts";

export interface ProviderForm {
  kind: ProviderKind;
  baseUrl: string;
  region: string;
  apiVersion: string;
  /** In which way it serves calls that ask for none, where that is a dearer one than usual. */
  defaultTier: string;
  /** One a line; all of the provider's where there is none. */
  models: string;
  /** `NAME: value`, one a line. */
  headers: string;
  /** `MODEL = FIELD:NUMBER, ...`, one a line. */
  modelLimits: string;
  /** Of a scripted provider, one a line: a text, or an answer as JSON. */
  answers: string;
  secretFrom: "keep" | "none" | SecretSource["from"];
  secret: string;
}

export const blankProvider: ProviderSettings = { kind: "openai", headers: {}, connectTimeoutMs: 5000, idleTimeoutMs: 60_000, maxConnections: 256, breaker: { failures: 5, openSeconds: 15 } };

/** Kinds that are asked without a key unless somebody sets one. */
export const keyless: readonly ProviderKind[] = ["ollama", "compatible", "echo", "scripted"];

/** Kinds that answer by themselves: no address, no headers and no secret mean anything to them. */
export const local: readonly ProviderKind[] = ["echo", "scripted"];

/** What may have a dearer way to be served by default there, by kind, and the word for it. */
export const dearerDefaults: Partial<Record<ProviderKind, { of: string; tier: string }>> = {
  openai: { of: "project", tier: "priority" }, azure: { of: "deployment", tier: "priority" }, anthropic: { of: "workspace", tier: "us" }, compatible: { of: "project", tier: "priority" },
};

export function providerFormOf(settings: ProviderSettings, secretFrom: ProviderForm["secretFrom"]): ProviderForm {
  return {
    kind: settings.kind, baseUrl: settings.baseUrl ?? "", region: settings.region ?? "", apiVersion: settings.apiVersion ?? "", defaultTier: settings.defaultTier ?? "", models: (settings.models ?? []).join("\n"),
    headers: Object.entries(settings.headers).map(([name, value]) => `${name}: ${value}`).join("\n"), modelLimits: modelLimitsText(settings.modelLimits ?? {}), answers: answersText(settings.script ?? []), secretFrom, secret: "",
  };
}

const lines = (text: string): string[] => text.split("\n").map((line) => line.trim()).filter((line) => line !== "");

/** What the server takes; what the form has no field for stays as it was. A secret that is kept is not mentioned. */
export function providerRequestOf(form: ProviderForm, before: ProviderSettings): { settings: ProviderSettings; secret?: SecretSource | null } {
  const { baseUrl: _baseUrl, region: _region, apiVersion: _apiVersion, defaultTier: _defaultTier, models: _models, modelLimits: _modelLimits, script: _script, ...rest } = before;
  const models = lines(form.models);
  const isLocal = local.includes(form.kind);
  const modelLimits = modelLimitsOf(form.modelLimits, before.modelLimits ?? {}) ?? {};
  const settings: ProviderSettings = {
    ...rest, kind: form.kind, headers: isLocal ? {} : Object.fromEntries(lines(form.headers).map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()])),
    ...(isLocal || form.baseUrl.trim() === "" ? {} : { baseUrl: form.baseUrl.trim() }), ...(form.region.trim() === "" ? {} : { region: form.region.trim() }),
    ...(form.apiVersion.trim() === "" ? {} : { apiVersion: form.apiVersion.trim() }), ...(form.defaultTier.trim() === "" ? {} : { defaultTier: form.defaultTier.trim() }), ...(models.length === 0 ? {} : { models }),
    ...(Object.keys(modelLimits).length === 0 ? {} : { modelLimits }), ...(form.kind === "scripted" ? { script: answersOf(form.answers) ?? [] } : {}),
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
  const isLocal = local.includes(form.kind);
  if (form.baseUrl.trim() === "" && ["azure", "compatible"].includes(form.kind)) problems.baseUrl = "Where is it?";
  else if (!isLocal && form.baseUrl.trim() !== "" && !/^https?:\/\/[^/\s]/.test(form.baseUrl.trim())) problems.baseUrl = "An address with http:// or https://.";
  if (form.kind === "bedrock" && form.region.trim() === "" && form.baseUrl.trim() === "") problems.region = "Such as eu-central-1.";
  if (!isLocal && lines(form.headers).some((line) => !/^[A-Za-z0-9-]{1,100}\s*:/.test(line))) problems.headers = "NAME: value, one a line.";
  if (modelLimitsOf(form.modelLimits, {}) === null) problems.modelLimits = "MODEL = tokensPerMinute:30000, concurrency:8, one a line.";
  if (form.kind === "scripted" && form.answers.trim() === "") problems.answers = "An answer at least.";
  else if (form.kind === "scripted" && answersOf(form.answers) === null) problems.answers = 'A line that begins with { is an answer as JSON, such as {"status": 500, "error": "overloaded"}.';
  if (["value", "environment", "file"].includes(form.secretFrom) && form.secret.trim() === "") problems.secret = "It is empty.";
  return problems;
}

type Script = NonNullable<ProviderSettings["script"]>;

function answersText(script: Script): string {
  return script.map(({ text, status, delayMs, ...rest }) => (text !== undefined && status === 200 && delayMs === 0 && Object.keys(rest).length === 0 && !/^$|^[\s{]|\s$|\n/.test(text) ? text : JSON.stringify({ ...(text === undefined ? {} : { text }), status, delayMs, ...rest }))).join("\n");
}

/** Null where a line that should be JSON is none; what is in it the server judges. */
function answersOf(text: string): Script | null {
  try {
    return lines(text).map((line) => ({ status: 200, delayMs: 0, ...(line.startsWith("{") ? (JSON.parse(line) as object) : { text: line }) }));
  } catch {
    return null;
  }
}

const limitFields = ["requestsPerMinute", "tokensPerMinute", "concurrency", "queue", "queueMs"] as const;

function modelLimitsText(limits: Readonly<Record<string, Limits>>): string {
  return Object.entries(limits).map(([model, own]) => `${model} = ${limitFields.filter((name) => own[name] !== undefined).map((name) => `${name}:${own[name]}`).join(", ")}`).join("\n");
}

/** As the command line takes them; what a line does not say of a queue is as before, or as the server begins. Null where a line cannot be read. */
function modelLimitsOf(text: string, before: Readonly<Record<string, Limits>>): Record<string, Limits> | null {
  const found: Record<string, Limits> = {};
  for (const line of lines(text)) {
    const equals = line.lastIndexOf("=");
    const model = line.slice(0, Math.max(0, equals)).trim();
    if (model === "") return null;
    const { queue = 0, queueMs = 10_000 } = before[model] ?? {};
    const own: Limits = { queue, queueMs };
    for (const part of line.slice(equals + 1).split(",")) {
      const [, name, amount] = /^\s*([A-Za-z]+)\s*:\s*(\d{1,12})\s*$/.exec(part) ?? [];
      const field = limitFields.find((each) => each === name);
      if (field === undefined) return null;
      own[field] = Number(amount);
    }
    found[model] = own;
  }
  return found;
}
