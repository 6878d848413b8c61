type Json = Readonly<Record<string, unknown>>;

/** Characters of a preview. */
const mostShown = 250;
/** What the older wire has by another name is named here; its own are the small letters of the field. */
const valueOf: Readonly<Record<string, (run: Json) => unknown>> = {
  RUN_TYPE: ({ run_type: type }) => String(type).toUpperCase(),
  STATUS: ({ status }) => String(status).toUpperCase(),
  PROJECT_ID: ({ session_id: project }) => project,
  IS_ROOT: ({ parent_run_id: parent }) => parent === null,
  LATENCY_SECONDS: ({ start_time: start, end_time: end }) => (typeof end === "string" ? (Date.parse(end) - Date.parse(String(start))) / 1000 : null),
  METADATA: ({ extra }) => (extra as Json).metadata,
  EVENTS: ({ events }) => (events as Json[]).map(({ name, time, ...kwargs }) => ({ name, time, kwargs })),
  INPUTS_PREVIEW: ({ inputs }) => previewOf(inputs),
  OUTPUTS_PREVIEW: ({ outputs }) => previewOf(outputs),
  ERROR_PREVIEW: ({ error }) => (typeof error === "string" ? error.slice(0, mostShown) : null),
  IS_IN_DATASET: () => false,
};
const sameNames = [
  "ID", "NAME", "START_TIME", "END_TIME", "FIRST_TOKEN_TIME", "ERROR", "EXTRA", "INPUTS", "OUTPUTS", "PARENT_RUN_IDS", "TRACE_ID", "THREAD_ID", "DOTTED_ORDER", "REFERENCE_EXAMPLE_ID", "TOTAL_TOKENS", "PROMPT_TOKENS", "COMPLETION_TOKENS",
  "TOTAL_COST", "PROMPT_COST", "COMPLETION_COST", "TAGS", "APP_PATH", "FEEDBACK_STATS",
];
/** Fields that are asked for and that no run has here. */
const neverThere = [
  "MANIFEST", "REFERENCE_DATASET_ID", "PROMPT_TOKEN_DETAILS", "COMPLETION_TOKEN_DETAILS", "PROMPT_COST_DETAILS", "COMPLETION_COST_DETAILS", "PRICE_MODEL_ID", "ATTACHMENTS", "THREAD_EVALUATION_TIME", "LAST_QUEUED_AT", "SHARE_URL", "LS_USER_ID",
];
const served: ReadonlySet<string> = new Set([...Object.keys(valueOf), ...sameNames]);
/** What of the older wire is large, by the fields that are made of it. */
const madeOf: Readonly<Record<string, string>> = { INPUTS: "inputs", INPUTS_PREVIEW: "inputs", OUTPUTS: "outputs", OUTPUTS_PREVIEW: "outputs", EXTRA: "extra", METADATA: "extra", EVENTS: "events" };

/** Names of fields that a client may select. */
export const runSelects: readonly string[] = [...served, ...neverThere];

/** What has to be asked of the older wire. */
export function selectedOf(selects: readonly string[]): string[] {
  return [...new Set(selects.flatMap((name) => madeOf[name] ?? []))];
}

/** A run of the older wire, with `selectedOf(selects)`, as newer clients read it: what they select, and its id. */
export function wireRunV2(run: Json, selects: readonly string[]): Json {
  return Object.fromEntries(["ID", ...selects].filter((name) => served.has(name)).map((name) => [name.toLowerCase(), Object.hasOwn(valueOf, name) ? valueOf[name]!(run) : run[name.toLowerCase()]]));
}

function previewOf(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value).slice(0, mostShown);
}
