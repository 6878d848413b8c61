import { z } from "zod";
import { isSafeName } from "../core/names.ts";

const Timestamp = z.number().int().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });
const Milliseconds = z.number().int().min(1).max(3_600_000);
const Revision = z.number().int().min(0).meta({ description: "Counted from 1; a change names the one that it is of, 0 for something new" });
const Team = z.string().min(1).max(128);
export const GatewayName = z.string().refine(isSafeName, "1 to 128 letters, digits, dots, dashes and underscores, starting with a letter or digit");
const ModelName = z.string().min(1).max(256);

/** Folders of `providers/`. `echo` answers with what it was asked, `scripted` with what its settings say: both need no network and no key. */
export const ProviderKind = z
  .enum(["openai", "azure", "anthropic", "gemini", "bedrock", "mistral", "cohere", "ollama", "compatible", "echo", "scripted"])
  .meta({ id: "ProviderKind", description: "compatible: any server that speaks OpenAI's protocol (vLLM, llama.cpp, LM Studio)" });
export type ProviderKind = z.infer<typeof ProviderKind>;

/** Where a secret is read from. A value is sealed when it arrives and never shown again. */
export const SecretSource = z
  .discriminatedUnion("from", [
    z.strictObject({ from: z.literal("value"), value: z.string().min(1).max(10_000) }),
    z.strictObject({ from: z.literal("environment"), name: z.string().regex(/^[A-Z][A-Z0-9_]{0,127}$/, "must be the name of an environment variable, in capital letters, digits and underscores, such as OPENAI_API_KEY or SLIPWAY_PROVIDER_ACME") }),
    z.strictObject({ from: z.literal("file"), path: z.string().min(1).max(1000).meta({ description: "Below the folder that SLIPWAY_SECRET_FILES names" }) }),
  ])
  .meta({ id: "SecretSource" });
export type SecretSource = z.infer<typeof SecretSource>;

/** What an administrator says of a provider. */
export const ProviderSettings = z
  .strictObject({
    kind: ProviderKind,
    baseUrl: z.url({ protocol: /^https?$/ }).max(1000).optional().meta({ description: "Where it is not the provider's own; needed for azure, ollama elsewhere and compatible" }),
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/, "must be the name of a header: letters, digits and dashes"), z.string().max(2000)).default({}).meta({ description: "Sent with each request, such as OpenAI-Organization. No secrets" }),
    apiVersion: z.string().max(40).optional().meta({ description: "azure: api-version; anthropic: anthropic-version" }),
    region: z.string().max(40).optional().meta({ description: "bedrock" }),
    defaultTier: z.string().min(1).max(40).optional().meta({ description: "The way in which it serves chats that ask for none, where its project, workspace or deployment is set up for a dearer one: `priority` (OpenAI, Azure), `us` (Anthropic). Nothing is sent for it: budgets reserve by it, and a call counts by it until the provider tells how it was served" }),
    responses: z.enum(["native", "chat"]).optional().meta({ description: "compatible: whether calls of /v1/responses go to its /responses, or as chat completions; where it is not said that is found out" }),
    models: z.array(ModelName).max(1000).optional().meta({ description: "Which of its models may be used by PROVIDER/MODEL; all where it is not said" }),
    connectTimeoutMs: Milliseconds.default(5000),
    /** Silence after which an answer or a stream is given up. */
    idleTimeoutMs: Milliseconds.default(60_000),
    maxConnections: z.number().int().min(1).max(10_000).default(256),
    breaker: z.strictObject({ failures: z.number().int().min(1).max(1000).default(5), openSeconds: z.number().min(0.1).max(3600).default(15) }).default({ failures: 5, openSeconds: 15 }),
    limits: z.lazy(() => Limits).optional().meta({ description: "What this provider may be asked for in all" }),
    modelLimits: z.lazy(() => z.record(ModelName, Limits)).optional().meta({ description: "What each of its models may be asked for, by the names that it has for them; `*` stands for each that is not named" }),
    script: z.lazy(() => z.array(ScriptedAnswer).max(1000)).optional().meta({ description: "scripted: its answers, in turn" }),
  })
  .meta({ id: "ProviderSettings" });
export type ProviderSettings = z.infer<typeof ProviderSettings>;

/** One answer of a `scripted` provider. The last one stays. */
export const ScriptedAnswer = z
  .strictObject({
    text: z.string().max(100_000).optional(),
    toolCalls: z.array(z.strictObject({ name: z.string().max(200), arguments: z.string().max(100_000) })).max(100).optional(),
    status: z.number().int().min(200).max(599).default(200),
    error: z.string().max(1000).optional(),
    delayMs: z.number().int().min(0).max(600_000).default(0),
    inputTokens: z.number().int().min(0).optional(),
    outputTokens: z.number().int().min(0).optional(),
  })
  .meta({ id: "ScriptedAnswer" });
export type ScriptedAnswer = z.infer<typeof ScriptedAnswer>;

/** Requests and tokens (of input and output) in a minute, and calls under way. Absent is without limit. */
export const Limits = z
  .strictObject({
    requestsPerMinute: z.number().positive().max(1e9).optional(),
    tokensPerMinute: z.number().positive().max(1e12).optional(),
    concurrency: z.number().int().positive().max(100_000).optional(),
    queue: z.number().int().min(0).max(100_000).default(0).meta({ description: "Calls that wait for their turn instead of 429; beyond, 503" }),
    queueMs: z.number().int().min(0).max(600_000).default(10_000).meta({ description: "How long one waits at most" }),
  })
  .meta({ id: "GatewayLimits" });
export type Limits = z.infer<typeof Limits>;

/** US dollars. Absent is without limit. */
export const BudgetLimits = z
  .strictObject({
    perQuery: z.number().positive().max(1e9).optional().meta({ description: "The worst that one call may cost" }),
    day: z.number().positive().max(1e9).optional().meta({ description: "In a day of UTC" }),
    month: z.number().positive().max(1e9).optional().meta({ description: "In a month of UTC" }),
  })
  .meta({ id: "BudgetLimits" });
export type BudgetLimits = z.infer<typeof BudgetLimits>;

/** Which calls a target takes. All that are said must hold. */
export const TargetCondition = z
  .strictObject({
    minInputTokens: z.number().int().min(0).optional(),
    maxInputTokens: z.number().int().min(0).optional(),
    maxCost: z.number().positive().optional().meta({ description: "US dollars that the call may cost at worst" }),
    needs: z.array(z.enum(["tools", "images", "documents", "audio", "schema", "reasoning", "stream"])).max(7).optional().meta({ description: "Takes only calls that need one of these" }),
    tags: z.record(z.string().max(64), z.string().max(200)).optional().meta({ description: "The call carries these tags (header X-Slipway-Tags: name=value, ...)" }),
  })
  .meta({ id: "TargetCondition" });
export type TargetCondition = z.infer<typeof TargetCondition>;

export const RouteTarget = z
  .strictObject({
    provider: GatewayName,
    model: ModelName,
    weight: z.number().min(0).max(1e6).default(1).meta({ description: "Share among targets of one priority" }),
    priority: z.number().int().min(0).max(100).default(0).meta({ description: "0 is tried first; higher ones when lower ones cannot" }),
    when: TargetCondition.optional(),
    /** Things that this target cannot do, so that calls that need them go elsewhere. */
    lacks: z.array(z.enum(["tools", "images", "documents", "audio", "schema", "reasoning", "stream"])).max(7).optional(),
    maxContextTokens: z.number().int().positive().optional(),
  })
  .meta({ id: "RouteTarget" });
export type RouteTarget = z.infer<typeof RouteTarget>;

export const GuardrailSettings = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("pii"), on: z.enum(["input", "output", "both"]).default("both"), action: z.enum(["redact", "block"]).default("redact"),
      types: z.array(z.enum(["email", "phone", "card", "iban", "ip", "ssn"])).min(1).default(["email", "phone", "card", "iban", "ssn"]),
    }),
    z.strictObject({ kind: z.literal("patterns"), on: z.enum(["input", "output", "both"]).default("both"), name: z.string().max(100), patterns: z.array(z.string().min(1).max(500)).min(1).max(100) }),
    z.strictObject({
      kind: z.literal("classifier"), on: z.enum(["input", "output", "both"]).default("input"), name: z.string().max(100), model: GatewayName.meta({ description: "A model served here that takes one text and answers with a label or a score" }),
      blockLabels: z.array(z.string().max(200)).max(100).default([]), blockAbove: z.number().optional(),
    }),
    z.strictObject({ kind: z.literal("max-cost"), dollars: z.number().positive() }),
  ])
  .meta({ id: "GuardrailSettings" });
export type GuardrailSettings = z.infer<typeof GuardrailSettings>;

export const CacheSettings = z
  .strictObject({
    exact: z.boolean().default(true),
    ttlSeconds: z.number().int().min(1).max(31_536_000).default(3600),
    semantic: z.strictObject({ route: GatewayName.meta({ description: "Route of an embedding model" }), threshold: z.number().min(0).max(1).default(0.92) }).optional(),
  })
  .meta({ id: "GatewayCacheSettings" });
export type CacheSettings = z.infer<typeof CacheSettings>;

const AddedTokens = z.number().int().min(0).max(1e8).meta({ description: "Tokens of input that a budget keeps for what the provider may add by itself: results of its web or file search, earlier answers, documents behind an address. 272,000 where neither route nor key says it; of both the larger" });

/** A model name that callers use, and what stands behind it. */
export const RouteSettings = z
  .strictObject({
    targets: z.array(RouteTarget).min(1).max(50),
    choose: z.enum(["weighted", "latency", "cost"]).default("weighted").meta({ description: "Among targets of one priority: by weight, the quickest of late, the cheapest" }),
    sticky: z.boolean().default(true).meta({ description: "Calls of one session (header X-Slipway-Session, else the caller's user) stay with one target while it answers" }),
    deadlineMs: Milliseconds.default(120_000).meta({ description: "For everything: waiting, attempts, fallbacks, the whole answer" }),
    firstByteMs: Milliseconds.default(60_000).meta({ description: "For the first piece of one attempt's answer" }),
    attempts: z.number().int().min(1).max(10).default(2).meta({ description: "On one target, the first included; others come after" }),
    hedgeAfterMs: Milliseconds.optional().meta({ description: "Asks a second target when the first has said nothing for so long, and takes the quicker answer. Both cost" }),
    limits: Limits.optional(),
    budget: BudgetLimits.optional(),
    cache: CacheSettings.optional().meta({ description: "Nothing is cached where it is not said" }),
    truncate: z.enum(["error", "oldest-first", "middle-out"]).default("error").meta({ description: "What to do with a conversation longer than the target's maxContextTokens" }),
    guardrails: z.array(GuardrailSettings).max(20).default([]),
    repair: z.number().int().min(0).max(5).default(1).meta({ description: "How often an answer that breaks the asked schema is asked for again" }),
    systemPrompt: z.string().max(100_000).optional().meta({ description: "Stands before the caller's messages" }),
    addedTokens: AddedTokens.optional(),
    unknownPrice: z.enum(["refuse", "free"]).default("refuse").meta({ description: "What a call under a budget does with a target that has no price" }),
    unsupported: z.enum(["refuse", "drop"]).optional().meta({ description: "What becomes of fields that shape how an answer is drawn (seed, penalties, logprobs and the like) at a target that has nothing for them: refused, or left out and named in X-Slipway-Dropped" }),
    recordContent: z.boolean().default(true).meta({ description: "Whether traces carry messages" }),
  })
  .meta({ id: "GatewayRouteSettings" });
export type RouteSettings = z.infer<typeof RouteSettings>;

/** What holds for calls with one API key, beside the key's own grants. */
export const KeyPolicySettings = z
  .strictObject({
    project: GatewayName.nullable().default(null),
    routes: z.array(z.string().min(1).max(256)).max(1000).optional().meta({ description: "Route names and PROVIDER/MODEL; PROVIDER/* for all of one. All where it is not said" }),
    direct: z.boolean().optional().meta({ description: "Whether it may call PROVIDER/MODEL past all routes; where it is not said, the server's setting directModels says" }),
    limits: Limits.optional(),
    budget: BudgetLimits.optional(),
    addedTokens: AddedTokens.optional(),
  })
  .meta({ id: "KeyPolicySettings" });
export type KeyPolicySettings = z.infer<typeof KeyPolicySettings>;

const stored = { revision: Revision, updatedAt: Timestamp, updatedBy: z.string() };

export const GatewayProvider = z
  .object({ name: GatewayName, settings: ProviderSettings, secret: z.enum(["none", "value", "environment", "file"]).meta({ description: "Where its secret comes from; the secret itself is never shown" }), origin: z.enum(["stored", "environment", "built-in", "found"]), ...stored })
  .meta({ id: "GatewayProvider" });
export type GatewayProvider = z.infer<typeof GatewayProvider>;

export const ListedProvider = GatewayProvider.extend({
  trouble: z.string().nullable().meta({ description: "What keeps its secret from being read on this server, so that its calls fail, and for administrators of the server what to do; null where nothing does" }),
}).meta({ id: "ListedGatewayProvider" });
export type ListedProvider = z.infer<typeof ListedProvider>;

export const ChangedProvider = GatewayProvider.extend({ notes: z.array(z.string()).meta({ description: "What keeps it from being called yet, such as a key that is not where the settings say" }) }).meta({ id: "ChangedGatewayProvider" });
export type ChangedProvider = z.infer<typeof ChangedProvider>;

export const ProviderRequest = z
  .strictObject({ revision: Revision, settings: ProviderSettings, secret: SecretSource.nullable().optional().meta({ description: "null takes it away; the one that is there stays where it is not said" }) })
  .meta({ id: "ProviderRequest" });
export type ProviderRequest = z.infer<typeof ProviderRequest>;

export const GatewayRoute = z.object({ name: GatewayName, team: Team, settings: RouteSettings, ...stored }).meta({ id: "GatewayRoute" });
export type GatewayRoute = z.infer<typeof GatewayRoute>;

/** One state that a route had; null settings where it was removed. */
export const RevisionOfRoute = z.object({ revision: Revision, settings: RouteSettings.nullable(), reason: z.string(), changedAt: Timestamp, changedBy: z.string(), draft: z.boolean().meta({ description: "Kept for a rollout or an A/B test: it never answered all calls" }) }).meta({ id: "GatewayRouteRevision" });
export type RevisionOfRoute = z.infer<typeof RevisionOfRoute>;

const TriedBy = z.object({ id: z.string(), state: z.string(), reason: z.string(), endedAt: Timestamp.nullable() });

/** A revision in a route's history, with the latest rollout that tried it. */
export const RevisionInHistory = RevisionOfRoute.extend({ rollout: TriedBy.nullable().meta({ description: "The latest rollout of it, how that ended and why; null where there was none" }) }).meta({ id: "GatewayRevisionInHistory" });
export type RevisionInHistory = z.infer<typeof RevisionInHistory>;

/** Since when a revision answered all calls of a route that no split gave to another. */
export const RouteTurn = z.object({ revision: Revision, since: Timestamp, actor: z.string(), reason: z.string() }).meta({ id: "GatewayRouteTurn" });
export type RouteTurn = z.infer<typeof RouteTurn>;

export const RouteHistory = z
  .object({
    revision: Revision.nullable().meta({ description: "The one that answers; null where the route was removed" }),
    revisions: z.array(RevisionInHistory).meta({ description: "What the route was and was to be, newest first" }),
    turns: z.array(RouteTurn).meta({ description: "Which revision answered since when, who gave it the calls and why, newest first: a change, a rollout, a rollback" }),
  })
  .meta({ id: "GatewayRouteHistory" });
export type RouteHistory = z.infer<typeof RouteHistory>;

export const RouteRequestBody = z.strictObject({ revision: Revision, team: Team.optional(), settings: RouteSettings, reason: z.string().max(2000).default("") }).meta({ id: "GatewayRouteRequest" });
export type RouteRequestBody = z.infer<typeof RouteRequestBody>;

export const KeyPolicy = z.object({ key: z.string(), settings: KeyPolicySettings, ...stored }).meta({ id: "KeyPolicy" });
export type KeyPolicy = z.infer<typeof KeyPolicy>;

export const ChangedKeyPolicy = KeyPolicy.extend({ notes: z.array(z.string()).meta({ description: "What of its routes does nothing yet, such as one that is not there" }) }).meta({ id: "ChangedKeyPolicy" });
export type ChangedKeyPolicy = z.infer<typeof ChangedKeyPolicy>;
