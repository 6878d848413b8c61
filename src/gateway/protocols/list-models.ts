/** A name that can be called. */
export interface ListedModel {
  name: string;
  /** Seconds since 1970. */
  created: number;
  /** Whose it is, such as the team of a route or a provider. */
  owner: string;
}

/** A model as a protocol has it. */
export type ModelDocument = { id: string } & Record<string, unknown>;

/** Both protocols ask GET /v1/models: Anthropic's clients send the header `anthropic-version`. */
export function speaksAnthropic(headers: Readonly<Record<string, string | string[] | undefined>>): boolean {
  return headers["anthropic-version"] !== undefined;
}

/** One model in the client's protocol. */
export function modelDocument({ name, created, owner }: ListedModel, anthropic: boolean): ModelDocument {
  if (anthropic) return { type: "model", id: name, display_name: name, created_at: new Date(created * 1000).toISOString().replace(".000Z", "Z") };
  return { id: name, object: "model", created, owned_by: owner };
}

/** All of them on one page. */
export function modelsDocument(models: readonly ListedModel[], anthropic: boolean): Record<string, unknown> {
  const data = models.map((model) => modelDocument(model, anthropic));
  if (!anthropic) return { object: "list", data };
  return { data, has_more: false, first_id: models[0]?.name ?? null, last_id: models.at(-1)?.name ?? null };
}
