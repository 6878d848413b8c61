import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { denial, isDenial } from "../core/request-gate.ts";
import type { SearchCondition } from "../core/search-condition.ts";
import { promptTag, type Model, type ModelVersion } from "../registry/index.ts";
import { requiredText } from "./request-fields.ts";

/** Models and versions as MLflow's messages have them; what is empty is left out, as protobuf's JSON does. */
const WireTag = z.object({ key: z.string(), value: z.string() });

export const WireVersion = z
  .object({
    name: z.string(), version: z.string(), creation_timestamp: z.number().int(), last_updated_timestamp: z.number().int(), user_id: z.string().optional(),
    current_stage: z.string(), description: z.string(), source: z.string(), run_id: z.string().optional(), status: z.string(), status_message: z.string().optional(),
    tags: z.array(WireTag).optional(), run_link: z.string().optional(), aliases: z.array(z.string()).optional(), model_id: z.string().optional(),
  })
  .meta({ id: "MlflowModelVersion" });
export type WireVersion = z.infer<typeof WireVersion>;

export const WireModel = z
  .object({
    name: z.string(), creation_timestamp: z.number().int(), last_updated_timestamp: z.number().int(), user_id: z.string().optional(), description: z.string().optional(),
    latest_versions: z.array(WireVersion).optional(), tags: z.array(WireTag).optional(), aliases: z.array(z.object({ alias: z.string(), version: z.string() })).optional(),
  })
  .meta({ id: "MlflowRegisteredModel" });
export type WireModel = z.infer<typeof WireModel>;

/** Names that no model can have are no models that are missing. */
export const modelName = requiredText.refine((name) => !/[/:]/.test(name) && name.trim() !== "" && name !== "." && name !== "..", {
  error: ({ input }) => `Invalid model name '${String(input).slice(0, 300)}'. Names cannot contain '/' or ':'.`,
});

/** Prompts are found by those who ask for them only. */
export function withoutPrompts(conditions: readonly SearchCondition[]): SearchCondition[] {
  if (conditions.some(({ kind, key }) => kind === "tag" && key === promptTag)) return [...conditions];
  return [...conditions, { kind: "tag", key: promptTag, operator: "!=", value: "true", absentMatches: true }];
}

/** `aliases` are those of its model. A version that was uploaded, and so has no source, is named by itself. */
export function wireVersion(version: ModelVersion, aliases: Readonly<Record<string, string>>): WireVersion {
  const own = Object.entries(aliases).flatMap(([alias, number]) => (number === version.version ? [alias] : []));
  return {
    name: version.model, version: version.version, creation_timestamp: version.createdAt, last_updated_timestamp: version.updatedAt,
    ...unlessEmpty("user_id", version.owner), current_stage: version.stage,
    // Empty too: clients show None for what is left out.
    description: version.description,
    source: version.source === "" ? `models:/${version.model}/${version.version}` : version.source,
    run_id: version.runId ?? "", status: version.status, ...unlessEmpty("status_message", version.statusMessage),
    ...(version.tags.length === 0 ? {} : { tags: version.tags }), run_link: version.runLink,
    ...(own.length === 0 ? {} : { aliases: own }), ...unlessEmpty("model_id", version.loggedModel ?? ""),
  };
}

/** Its versions are without their aliases, which are all at the model. */
export function wireModel(model: Model, latest: readonly ModelVersion[]): WireModel {
  const aliases = Object.entries(model.aliases).map(([alias, version]) => ({ alias, version }));
  return {
    name: model.name, creation_timestamp: model.createdAt, last_updated_timestamp: model.updatedAt, ...unlessEmpty("user_id", model.owner), ...unlessEmpty("description", model.description),
    ...(latest.length === 0 ? {} : { latest_versions: latest.map((version) => wireVersion(version, {})) }),
    ...(model.tags.length === 0 ? {} : { tags: model.tags }), ...(aliases.length === 0 ? {} : { aliases }),
  };
}

function unlessEmpty<Key extends string>(key: Key, value: string): Partial<Record<Key, string>> {
  return (value === "" ? {} : { [key]: value }) as Partial<Record<Key, string>>;
}

/** Whole numbers, in the one spelling of the registry. Throws INVALID_PARAMETER. */
export function versionNumber(text: string): string {
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw new AppError("INVALID_PARAMETER", `Parameter 'version' must be an integer, got '${text.slice(0, 100)}'.`);
  return String(BigInt(text.trim()));
}

/** Says what went wrong in the words that MLflow's clients and their users match on. `name` is the model that the request is about, `version` one of its versions. */
export async function inMlflowWords<Result>(subject: { name: string; version?: string; newName?: string }, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const message = wordsFor(error, { ...subject, name: subject.name.slice(0, 300) });
    if (message === null) throw error;
    const said = new AppError(error.code, message, { cause: error, problems: error.problems });
    throw isDenial(error) ? denial(said) : said;
  }
}

function wordsFor({ code }: AppError, { name, version, newName }: { name: string; version?: string; newName?: string }): string | null {
  switch (code) {
    case "MODEL_NOT_FOUND":
      return `Registered Model with name=${name} not found`;
    case "VERSION_NOT_FOUND":
      return `Model Version (name=${name}, version=${version?.slice(0, 100) ?? ""}) not found`;
    case "MODEL_EXISTS":
    case "NAME_TAKEN":
      return `Registered Model (name=${newName?.slice(0, 300) ?? name}) already exists.`;
    default:
      return null;
  }
}
