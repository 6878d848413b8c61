import { z } from "zod";
import { ModelName } from "../core/names.ts";
import { judgeArtifactRoots } from "./artifact-roots.ts";
import { EgressAllowance, GroupGrants, Issuer, PublicUrl, SecretKey } from "./setting-values.ts";

const port = z.coerce.number().int().min(0).max(65_535);
const path = z.string().min(1);
const urlPath = z.string().max(500).regex(/^\/[A-Za-z0-9._~:@!$&'()+,;=/-]*$/, "a path that starts with a slash, without parameters");

/** Several values: an array in the file, comma-separated text in flags and environment. */
const list = z.union([z.array(z.string().min(1)), z.string().transform((text) => text.split(",").map((part) => part.trim()).filter(Boolean))]).default([]);

/** True and false, as JSON or as text. */
const flag = z.union([z.boolean(), z.stringbool({ truthy: ["true", "1", "yes", "on"], falsy: ["false", "0", "no", "off", ""] })]);

const Settings = z.strictObject({
  host: z.string().min(1).default("127.0.0.1"),
  port: port.default(4400),
  /** -1 = the HTTP port plus one. */
  grpcPort: z.coerce.number().int().min(-1).max(65_535).default(-1),
  /** A model that anybody may ask for predictions at a port of its own: for platforms such as SageMaker and Vertex AI, which ask callers for their rights themselves and show no key. */
  scoringModel: ModelName.optional(),
  scoringHost: z.string().min(1).default("127.0.0.1"),
  /** Where it is not given, what the platform says in AIP_HTTP_PORT or SAGEMAKER_BIND_TO_PORT, else 8080. */
  scoringPort: port.optional(),
  /** Further paths of that port, as Vertex AI has them: AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE where they are not given. */
  scoringHealthPath: urlPath.optional(),
  scoringPredictPath: urlPath.optional(),
  data: path.default("slipway-data"),
  /** Files of models and backups; below `data` where it is not given. */
  artifacts: path.optional(),
  /** Absolute folders of this machine, shared with others, to which clients of MLflow write artifacts by themselves: the server reads them. */
  artifactRoots: list,
  /** Where new experiments have their artifacts that name no place: below it, by their id. On a disk it lies below one of `artifactRoots`. */
  defaultArtifactRoot: z.string().min(1).max(1500).default("mlflow-artifacts:/"),
  /** postgres://...; SQLite below `data` where it is not given. */
  databaseUrl: z.string().regex(/^postgres(ql)?:\/\/\S+$/, "a URL that starts with postgres://").optional(),
  /** Connections of this process to Postgres, at most; a third of them is for reads alone. */
  databaseConnections: z.coerce.number().int().min(2).max(1000).default(12),
  /** Who may call: `open` asks nobody (loopback only), `keys` asks everybody, `auto` is open where only this machine can call. */
  access: z.enum(["auto", "open", "keys"]).default("auto"),
  /** Further Host values that this server answers for, with their port unless it is the scheme's own, comma-separated in flags and environment. */
  allowedHosts: list,
  /** Files in PEM: the certificate with its chain, and its key. Read again when they change. */
  tlsCertificate: path.optional(),
  tlsKey: path.optional(),
  /** TLS ends at a proxy in front, and nobody reaches this server but through it. */
  trustedProxy: flag.default(false),
  /** Where browsers find this server, such as https://slipway.example.com. */
  publicUrl: PublicUrl.optional(),
  /** Provider of OpenID Connect whose users may sign in. */
  oidcIssuer: Issuer.optional(),
  oidcClientId: z.string().min(1).optional(),
  oidcClientSecret: z.string().min(1).optional(),
  /** What the console calls the provider. */
  oidcName: z.string().min(1).max(100).default("OpenID Connect"),
  oidcScopes: z.string().regex(/^\S+( \S+)*$/, "names with single spaces between").default("openid profile email"),
  /** Claim of the ID token or of the user info that lists a user's groups. */
  oidcGroupsClaim: z.string().min(1).default("groups"),
  /** What members of a group may do. */
  oidcGroups: GroupGrants.default([]),
  /** 32 bytes in base64 under which stored secrets are sealed; `secret.key` below `data` where it is not given. */
  secretKey: SecretKey.optional(),
  /** Earlier keys: what they sealed is still read. */
  oldSecretKeys: z
    .union([z.array(SecretKey), z.string().transform((text) => text.split(",").map((part) => part.trim()).filter(Boolean)).pipe(z.array(SecretKey))])
    .default([]),
  /** Hosts (with or without a port) and CIDRs that webhooks may reach though they are not public, or not https. */
  egressAllowed: z
    .union([z.array(EgressAllowance), z.string().transform((text) => text.split(",").map((part) => part.trim()).filter(Boolean)).pipe(z.array(EgressAllowance))])
    .default([]),
  /** The header Authorization with which imports ask MLflow servers, such as `Bearer ...`. */
  importAuthorization: z.string().min(1).regex(/^[\x20-\x7e]+$/, "one line of printable characters").optional(),
  /** Where repositories of models are, for addresses such as hf://owner/name: the Hugging Face hub or a mirror of it. */
  hubUrl: z.url({ protocol: /^https?$/ }).default("https://huggingface.co"),
  /** Token of the hub, for repositories that are private or gated. */
  hubToken: z.string().min(1).regex(/^[\x21-\x7e]+$/, "one word of printable characters").optional(),
  /** redis://... or rediss://..., where limits, budgets and caches of the gateway are shared by several servers; each counts for itself where it is not given. */
  redisUrl: z.string().regex(/^rediss?:\/\/\S+$/, "a URL that starts with redis:// or rediss://").optional(),
  /** redis://... or rediss://... of another Redis for cached answers, which may forget what it has no room for, as the one with budgets must not; that one where it is not given. */
  cacheRedisUrl: z.string().regex(/^rediss?:\/\/\S+$/, "a URL that starts with redis:// or rediss://").optional(),
  /** Servers that share `redisUrl`: each keeps to its share of the limits while Redis is away. */
  gatewayReplicas: z.coerce.number().int().min(1).max(10_000).default(1),
  /** What becomes of calls under a budget while Redis is away: refused, so that nothing is overspent, or admitted, so that nobody is kept out; what those cost is counted when it is back. */
  budgetsWithoutRedis: z.enum(["refuse", "admit"]).default("refuse"),
  /** Folder with files of secrets, which providers of language models may name. */
  secretFiles: path.optional(),
  /** Whether an open server looks for servers of language models on this machine: Ollama, llama.cpp, vLLM, LM Studio at their usual ports. */
  findProviders: flag.default(true),
  /** Who may call PROVIDER/MODEL past all routes: everybody who may call models, or admins and those to whom it was given. auto: everybody on an open server. */
  directModels: z.enum(["auto", "all", "granted"]).default("auto"),
  /** Modules (paths or packages) that export workflows. */
  workflows: list,
  /** Workflow runs of this process that are under way at once. */
  maxWorkflowRuns: z.coerce.number().int().min(0).max(10_000).default(16),
  /** Largest inference body after decompression. */
  maxInferenceBytes: z.coerce.number().int().min(1024).max(2 ** 31 - 1).default(64 * 1024 * 1024),
  bodyTimeoutMs: z.coerce.number().int().min(100).default(30_000),
  /** How long a caller may take nothing of a streamed answer while there is some, before its connection is ended. */
  readerTimeoutMs: z.coerce.number().int().min(100).default(60_000),
  maxConnections: z.coerce.number().int().min(1).default(1000),
  /** How long kept connections are told to close before the listener closes, when the server goes down. */
  drainMs: z.coerce.number().int().min(0).default(1000),
  /** Threads of one model run; 0 lets the runtime choose. */
  intraOpThreads: z.coerce.number().int().min(0).default(0),
  /** Interpreter for models of Python; where its packages satisfy a model they are used, else environments are made with it. python3 of the PATH, or of uv, where it is not given. */
  python: path.optional(),
  /** Where environments of models are kept; below `data` where it is not given. */
  pythonEnvironments: path.optional(),
  /** User of models of Python where the server is root: `nobody` where that user can read the environment, unless another is named; `root` keeps it. */
  pythonUser: z.string().regex(/^[a-z_][a-z0-9_-]*$/, "the name of a user").optional(),
  /** Most memory of one model of Python, in bytes; 0 leaves it to the machine. */
  pythonMemoryBytes: z.coerce.number().int().min(0).default(0),
  /** Whether packages without a wheel are built for a model, which runs their code with the rights of this server. */
  pythonSourcePackages: flag.default(false),
  /** Days after which traces are removed. */
  traceRetentionDays: z.coerce.number().int().min(1).max(3650).default(30),
  /** Part of the traces that is kept, 0 to 1, alone or as `team=part` or `route:name=part`; failed and slow ones are always kept. */
  traceSample: z
    .union([z.number().transform((part) => [String(part)]), z.array(z.string()), z.string().transform((text) => text.split(",").map((part) => part.trim()).filter(Boolean))])
    .pipe(z.array(z.string().regex(/^(?:[^=]+=)?(?:1(?:\.0*)?|0(?:\.\d+)?|\.\d+)$/, "a part from 0 to 1 such as 0.1, or team=0.1")))
    .default([]),
  /** Part of the predictions without a `traceparent` that get a trace of their own, 0 to 1. */
  traceServing: z.coerce.number().min(0).max(1).default(0),
  /** Traces that took longer are kept whatever `traceSample` says. Milliseconds. */
  traceSlowMs: z.coerce.number().min(0).default(10_000),
  /** Keys of attributes of spans whose values are never kept; `*` stands for anything. */
  traceRedact: list,
  /** Whether traces keep what went into models and tools and what came out of them. */
  traceContent: flag.default(true),
  /** Where every span that is kept is sent on to by OTLP/HTTP, such as https://collector.example.com/v1/traces. */
  traceExportUrl: z.url({ protocol: /^https?$/ }).optional(),
  /** The header Authorization with which spans are sent on. */
  traceExportAuthorization: z.string().min(1).regex(/^[\x20-\x7e]+$/, "one line of printable characters").optional(),
  logLevel: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
});

/** Every setting of the server, with the embedded default. A setting is named the same in the file, as a flag and, in capitals after SLIPWAY_, in the environment. */
export const Config = Settings.superRefine(judgeArtifactRoots);
export type Config = Readonly<z.infer<typeof Config>>;

/** Settings that are never printed, and that may come from a file named by `<ENVIRONMENT NAME>_FILE`. */
export const secretSettings: ReadonlySet<string> = new Set<keyof Config>(["databaseUrl", "oidcClientSecret", "secretKey", "oldSecretKeys", "importAuthorization", "hubToken", "traceExportAuthorization", "redisUrl", "cacheRedisUrl"]);
