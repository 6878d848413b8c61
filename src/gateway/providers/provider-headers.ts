/** Under which names providers tell the id by which their support finds a request: those of one provider before what any server may send. */
const requestIdNames = ["request-id", "apim-request-id", "x-amzn-requestid", "mistral-correlation-id", "x-request-id"];
/** Ids are one word: what else stands there could say something in a log or an error that nobody meant. */
const requestIdText = /^[\w.:/+=-]{1,128}$/;

/** How much of the account's limits is left, and how long the provider took: what clients of OpenAI and Anthropic pace themselves by. */
const limitNames: ReadonlySet<string> = new Set([
  ...["requests", "tokens"].flatMap((measure) => ["limit", "remaining", "reset"].map((word) => `x-ratelimit-${word}-${measure}`)),
  ...["requests", "tokens", "input-tokens", "output-tokens"].flatMap((measure) => ["limit", "remaining", "reset"].map((word) => `anthropic-ratelimit-${measure}-${word}`)),
]);
/** Numbers, spans such as `6m0s`, moments such as `2026-01-01T00:00:00Z`. */
const limitText = /^[\w.:+-]{1,64}$/;

type Headers = Readonly<Record<string, string>>;

/** The id by which the provider knows the request; null where it told none, or something that is no id. */
export function providerRequestId(headers: Headers): string | null {
  for (const name of requestIdNames) {
    const id = headers[name];
    if (id !== undefined && requestIdText.test(id)) return id;
  }
  return null;
}

/** Of a provider's headers those that tell its limits; a list of names, so that nothing else of an answer can speak in this server's name. */
export function limitHeaders(headers: Headers): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name in headers) if (limitNames.has(name) && limitText.test(headers[name]!)) passed[name] = headers[name]!;
  return passed;
}

/** How long the provider took by its own clock, where it tells it as OpenAI does. */
export function processingHeaders({ "openai-processing-ms": ms }: Headers): Record<string, string> {
  return ms !== undefined && /^\d{1,9}$/.test(ms) ? { "openai-processing-ms": ms } : {};
}
