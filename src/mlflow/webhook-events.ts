import { z } from "zod";
import { promptTag } from "../registry/index.ts";

/** What happened to what, in MLflow's words. */
export interface WebhookPair {
  entity: string;
  action: string;
}

/** One pair: the event of the outbox that it is told from, and what it says. */
export interface MlflowWebhookEvent extends WebhookPair {
  type: string;
  /** Prompts are models with a tag, and have pairs of their own. */
  ofPrompt: boolean;
  data(payload: Readonly<Record<string, unknown>>): Record<string, unknown>;
}

/** The parts of `eventPayloads` that are told on. */
const Payload = z.object({
  model: z.string(), version: z.string().optional(), alias: z.string().optional(), key: z.string().optional(), value: z.string().optional(),
  source: z.string().optional(), runId: z.string().optional(), description: z.string().optional(), tags: z.array(z.object({ key: z.string(), value: z.string() })).default([]),
});
type Payload = z.infer<typeof Payload>;

const promptText = "mlflow.prompt.text";
/** How its clients keep prompts; receivers are not told of it. */
const innerTags: ReadonlySet<string> = new Set([promptTag, "_mlflow_prompt_type"]);

const tagsOf = ({ tags }: Payload): Record<string, string> => Object.fromEntries(tags.map(({ key, value }) => [key, value]));
const outerTags = ({ tags }: Payload): Record<string, string> => Object.fromEntries(tags.filter(({ key }) => !innerTags.has(key)).map(({ key, value }) => [key, value]));

const tagSet = ({ model, key, value }: Payload) => ({ name: model, key, value });
const tagDeleted = ({ model, key }: Payload) => ({ name: model, key });
const ofVersion = (data: (payload: Payload) => object) => (payload: Payload) => {
  const { name, ...rest } = data(payload) as { name: string };
  return { name, version: payload.version, ...rest };
};
const aliasSet = ({ model, alias, version }: Payload) => ({ name: model, alias, version });
const aliasDeleted = ({ model, alias }: Payload) => ({ name: model, alias });

const modelCreated = (payload: Payload) => ({ name: payload.model, tags: tagsOf(payload), description: payload.description ?? "" });
const promptCreated = (payload: Payload) => ({ name: payload.model, tags: outerTags(payload), description: payload.description ?? "" });
const versionCreated = (payload: Payload) => ({
  name: payload.model, version: payload.version,
  // A version that was uploaded has no source: it is named by itself, as everywhere on this wire.
  source: payload.source === undefined || payload.source === "" ? `models:/${payload.model}/${payload.version}` : payload.source,
  run_id: orNull(payload.runId), tags: tagsOf(payload), description: orNull(payload.description),
});
const promptVersionCreated = (payload: Payload) => {
  const { [promptText]: template, ...tags } = outerTags(payload);
  return { name: payload.model, version: payload.version, template: template ?? null, tags, description: orNull(payload.description) };
};

function orNull(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
}

function pair(entity: string, action: string, type: string, data: (payload: Payload) => Record<string, unknown>): MlflowWebhookEvent {
  return { entity, action, type, ofPrompt: entity.startsWith("prompt"), data: (payload) => data(Payload.parse(payload)) };
}

/** Every pair that can happen here, with the data that MLflow (3.x) sends of it. */
export const webhookEvents: readonly MlflowWebhookEvent[] = [
  pair("registered_model", "created", "model.created", modelCreated),
  pair("model_version", "created", "model.version.registered", versionCreated),
  pair("model_version_tag", "set", "model.version.tag.set", ofVersion(tagSet)),
  pair("model_version_tag", "deleted", "model.version.tag.deleted", ofVersion(tagDeleted)),
  pair("model_version_alias", "created", "model.alias.changed", aliasSet),
  pair("model_version_alias", "deleted", "model.alias.deleted", aliasDeleted),
  pair("prompt", "created", "model.created", promptCreated),
  pair("prompt_version", "created", "model.version.registered", promptVersionCreated),
  pair("prompt_tag", "set", "model.tag.set", tagSet),
  pair("prompt_tag", "deleted", "model.tag.deleted", tagDeleted),
  pair("prompt_version_tag", "set", "model.version.tag.set", ofVersion(tagSet)),
  pair("prompt_version_tag", "deleted", "model.version.tag.deleted", ofVersion(tagDeleted)),
  pair("prompt_alias", "created", "model.alias.changed", aliasSet),
  pair("prompt_alias", "deleted", "model.alias.deleted", aliasDeleted),
];

/** Known to its clients, and nothing here that it could happen to. */
export const eventsNotHere: readonly WebhookPair[] = [{ entity: "budget_policy", action: "exceeded" }];

/** What is sent to try a webhook out: the values that MLflow takes too. Empty for a pair that is not there. */
export function examplesOf({ entity, action }: WebhookPair): Record<string, unknown> {
  const event = webhookEvents.find((each) => each.entity === entity && each.action === action);
  if (event === undefined) return {};
  const word = event.ofPrompt ? "prompt" : "model";
  const named = entity.endsWith("version") ? `${word} version` : event.ofPrompt ? word : "registered model";
  return event.data({
    model: `example_${word}`, version: "1", alias: "example_alias", key: "example_key", value: "example_value", source: "models:/123", runId: "abcd1234abcd5678",
    description: `An example ${named}`,
    tags: [{ key: "example_key", value: "example_value" }, ...(entity === "prompt_version" ? [{ key: promptText, value: "Hello {{name}}!" }] : [])],
  });
}
