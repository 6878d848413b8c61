import type { IconName } from "../parts/icon.tsx";

/** One entry of the navigation. A capability that gets pages adds a row here, and nothing that does not exist is shown. */
export interface Section {
  id: string;
  label: string;
  icon: IconName;
  href: string;
  /** Addresses on which the entry is the current one. */
  matches: RegExp;
  /** A list that is shown below the entry. */
  children?: "models";
  /** Entries of a group stand together under its name. */
  group: "Serve" | "Build" | "Run" | "Server";
  /** Other words by which the palette finds it. */
  keywords: string;
}

export const sections: readonly Section[] = [
  {
    id: "models", label: "Models", icon: "models", href: "/models", matches: /^\/(models|predictions)(\/|$)/, children: "models",
    group: "Serve", keywords: "home list versions serving endpoints",
  },
  {
    id: "rollouts", label: "Rollouts", icon: "rollouts", href: "/rollouts", matches: /^\/rollouts(\/|$)/,
    group: "Serve", keywords: "canary shadow staged abort rollback release traffic split gates verdicts",
  },
  {
    id: "gateway", label: "Gateway", icon: "gateway", href: "/gateway", matches: /^\/gateway(\/|$)/,
    group: "Serve", keywords: "llm language models routes providers keys playground openai anthropic fallback breakers cache limits",
  },
  {
    id: "costs", label: "Costs", icon: "costs", href: "/costs", matches: /^\/costs\/?$/,
    group: "Serve", keywords: "spend ledger budgets tokens dollars prices billing",
  },
  {
    id: "experiments", label: "Experiments", icon: "experiments", href: "/experiments", matches: /^\/experiments(\/|$)/,
    group: "Build", keywords: "runs tracking mlflow metrics params artifacts training compare charts",
  },
  {
    id: "datasets", label: "Datasets", icon: "datasets", href: "/datasets", matches: /^\/datasets(\/|$)/,
    group: "Build", keywords: "data tables parquet csv rows evaluation sets profile",
  },
  {
    id: "traces", label: "Traces", icon: "traces", href: "/traces", matches: /^\/traces(\/|$)/,
    group: "Run", keywords: "spans otlp opentelemetry llm sessions waterfall messages tokens feedback langsmith",
  },
  {
    id: "workflows", label: "Workflows", icon: "workflows", href: "/workflows", matches: /^\/workflows(\/|$)/,
    group: "Run", keywords: "runs jobs steps schedules cron retraining pipelines",
  },
  {
    id: "events", label: "Events", icon: "events", href: "/events", matches: /^\/events(\/|$)/,
    group: "Run", keywords: "webhooks deliveries stream changes outbox",
  },
  {
    id: "settings", label: "Settings", icon: "settings", href: "/settings/keys", matches: /^\/settings(\/|$)/,
    group: "Server", keywords: "keys teams users audit doctor access",
  },
  { id: "docs", label: "API", icon: "book", href: "/docs", matches: /^\/docs\/?$/, group: "Server", keywords: "reference openapi documentation routes curl" },
];

export const modelTabs = [
  { id: "overview", label: "Overview", path: "" },
  { id: "try", label: "Try it", path: "/try" },
  { id: "predictions", label: "Predictions", path: "/predictions" },
  { id: "drift", label: "Drift", path: "/drift" },
  { id: "contract", label: "Contract", path: "/contract" },
  { id: "evaluations", label: "Evaluations", path: "/evaluations" },
  { id: "rollout", label: "Rollout", path: "/rollout" },
  { id: "registry", label: "Registry", path: "/registry" },
  { id: "policy", label: "Policy", path: "/policy" },
] as const;

export type ModelTab = (typeof modelTabs)[number]["id"];

/** The pages of the sections that have several; `path` is the whole address. */
export const settingsTabs = [
  { id: "keys", label: "Keys", path: "/settings/keys" },
  { id: "teams", label: "Teams and users", path: "/settings/teams" },
  { id: "audit", label: "Audit", path: "/settings/audit" },
  { id: "doctor", label: "Doctor", path: "/settings/doctor" },
] as const;

export type SettingsTab = (typeof settingsTabs)[number]["id"];

export const workflowTabs = [
  { id: "runs", label: "Runs", path: "/workflows" },
  { id: "definitions", label: "Definitions", path: "/workflows/definitions" },
  { id: "schedules", label: "Schedules", path: "/workflows/schedules" },
] as const;

export type WorkflowTab = (typeof workflowTabs)[number]["id"];

export const eventTabs = [
  { id: "stream", label: "Stream", path: "/events" },
  { id: "webhooks", label: "Webhooks", path: "/events/webhooks" },
] as const;

export type EventTab = (typeof eventTabs)[number]["id"];

export const gatewayTabs = [
  { id: "routes", label: "Routes", path: "/gateway" },
  { id: "playground", label: "Playground", path: "/gateway/playground" },
  { id: "providers", label: "Providers", path: "/gateway/providers" },
  { id: "keys", label: "Keys", path: "/gateway/keys" },
  { id: "health", label: "Health", path: "/gateway/health" },
] as const;

export type GatewayTab = (typeof gatewayTabs)[number]["id"];
