import type { Command } from "../core/command.ts";
import { Role, type Grant } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { toldDuration } from "../core/told-time.ts";
import { textTable } from "../core/text-table.ts";
import type { ApiKey, NewKey, SessionState, Team } from "./schemas.ts";

const day = (time: number | null): string => (time === null ? "never" : new Date(time).toISOString().slice(0, 10));

function grantText({ role, team, models, experiments, routes }: Grant): string {
  const only = [...(models ?? []), ...(experiments ?? []), ...(routes ?? [])];
  return `${role}@${team}${only.length > 0 ? `:${only.join(",")}` : ""}`;
}

/** What `--expires-days` asks for. Throws INVALID_REQUEST. */
function expiryOf(told: string | undefined): { expiresInDays?: number | null } {
  if (told === undefined) return {};
  const days = Number(told);
  if (!(days >= 0)) throw new AppError("INVALID_REQUEST", `${told} is not a number of days.`);
  return { expiresInDays: days === 0 ? null : days };
}

const createKey: Command = {
  words: ["keys", "create"],
  summary: "make an API key; it is shown this once",
  positionals: [{ name: "<name>", description: "who or what uses it" }],
  options: [
    { flags: "--role <role>", description: "viewer, contributor, deployer or admin", required: true },
    { flags: "--team <team>", description: "only what this team has; everything when it is left out" },
    { flags: "--model <model...>", description: "only these models" },
    { flags: "--route <route...>", description: "only these routes of the gateway" },
    { flags: "--expires-days <days>", description: "90 when it is left out; 0 for never" },
  ],
  run: ({ api }, { positionals, options }) => {
    const { role, team, expiresDays } = options as Record<string, string | undefined>;
    const models = options.model as unknown as string[] | undefined;
    const routes = options.route as unknown as string[] | undefined;
    const parsedRole = Role.safeParse(role);
    if (!parsedRole.success) throw new AppError("INVALID_REQUEST", `${role} is not a role: take ${Role.options.join(", ")}.`);
    const grant: Grant = { role: parsedRole.data, team: team ?? "*", ...(models === undefined ? {} : { models }), ...(routes === undefined ? {} : { routes }) };
    return api.send("POST", "/api/keys", { name: positionals[0]!, grants: [grant], ...expiryOf(expiresDays) });
  },
  render: (key: NewKey) =>
    [
      key.key,
      "",
      `This is ${key.id} (${key.grants.map(grantText).join(" ")}), ${key.expiresAt === null ? "without an end" : `good until ${day(key.expiresAt)}`}. It is not shown again.`,
      `Use it: export SLIPWAY_API_KEY=${key.key}`,
      ...key.notes.map((note) => `Note: ${note}`),
    ].join("\n"),
};

const listKeys: Command = {
  words: ["keys", "list"],
  summary: "the keys that you made or administer",
  namesKeys: true,
  run: ({ api }) => api.get("/api/keys"),
  render: ({ keys }: { keys: ApiKey[] }) =>
    keys.length === 0
      ? "No keys."
      : textTable(
          ["KEY", "NAME", "STARTS", "MAY", "TEAM", "MADE BY", "LAST USED", "ENDS"],
          keys.map(({ id, name, hint, grants, team, createdBy, lastUsedAt, expiresAt, revokedAt }) => [
            id, name, `${hint}…`, grants.map(grantText).join(" "), team, createdBy, day(lastUsedAt), revokedAt === null ? day(expiresAt) : `revoked ${day(revokedAt)}`,
          ]),
        ),
};

const rotateKey: Command = {
  words: ["keys", "rotate"],
  summary: "give a key a new secret; its limits, budget and spend stay",
  positionals: [{ name: "<key>", description: "id of the key, key_…" }],
  options: [
    { flags: "--grace <time>", description: "how long the present secret works on (30m, 24h, 7d; 31d at most); it ends at once when this is left out" },
    { flags: "--expires-days <days>", description: "when the key ends from now on; 0 for never; as before when it is left out" },
  ],
  run: ({ api }, { positionals, options }) => {
    const { grace, expiresDays } = options as Record<string, string | undefined>;
    return api.send("POST", `/api/keys/${encodeURIComponent(positionals[0]!)}/rotate`, {
      ...(grace === undefined ? {} : { graceSeconds: toldDuration(grace) / 1000 }), ...expiryOf(expiresDays),
    });
  },
  render: ({ id, name, key, expiresAt, formerUntil }: NewKey) =>
    [
      key,
      "",
      `This is the new secret of ${id} (${name}), ${expiresAt === null ? "without an end" : `good until ${day(expiresAt)}`}. It is not shown again.`,
      `The one before works until ${new Date(formerUntil!).toISOString()}, and is refused from then on.`,
      `Use it: export SLIPWAY_API_KEY=${key}`,
    ].join("\n"),
};

const revokeKey: Command = {
  words: ["keys", "revoke"],
  summary: "end a key at once",
  positionals: [{ name: "<key>", description: "id of the key, key_…" }],
  run: ({ api }, { positionals }) => api.send("DELETE", `/api/keys/${encodeURIComponent(positionals[0]!)}`),
  render: ({ id, name }: ApiKey) => `${id} (${name}) is revoked.`,
};

const createTeam: Command = {
  words: ["teams", "create"],
  summary: "make a team",
  positionals: [{ name: "<name>", description: "name of the team" }],
  options: [{ flags: "--description <text>", description: "what it is for" }],
  run: ({ api }, { positionals, options }) => api.send("POST", "/api/teams", { name: positionals[0], description: options.description }),
  render: ({ name }: Team) => `The team ${name} is there. Make a key for it: slipway keys create NAME --role deployer --team ${name}`,
};

const listTeams: Command = {
  words: ["teams", "list"],
  summary: "the teams that you have a role in",
  run: ({ api }) => api.get("/api/teams"),
  render: ({ teams }: { teams: Team[] }) =>
    teams.length === 0
      ? "No teams."
      : textTable(["TEAM", "MODELS", "KEYS", "DESCRIPTION"], teams.map(({ name, models, keys, description }) => [name, String(models), String(keys), description])),
};

const removeTeam: Command = {
  words: ["teams", "remove"],
  summary: "remove a team that has nothing",
  positionals: [{ name: "<name>", description: "name of the team" }],
  run: ({ api }, { positionals }) => api.send("DELETE", `/api/teams/${encodeURIComponent(positionals[0]!)}`),
  render: ({ removed }: { removed: string }) => `The team ${removed} is removed.`,
};

const whoami: Command = {
  words: ["whoami"],
  summary: "who you are to the server, and what you may do",
  run: async ({ api }) => {
    const state = await api.get<SessionState>("/api/session");
    if (state.caller === null) throw new AppError("UNAUTHENTICATED", "The server asks for a key and none was sent.");
    return state;
  },
  render: ({ mode, caller }: SessionState) =>
    mode === "open" && caller?.actor === "local"
      ? "The server is open: whoever reaches it is its admin."
      : `${caller!.name} (${caller!.actor}): ${caller!.grants.map(grantText).join(" ")}`,
};

export const accessCommands: readonly Command[] = [createKey, listKeys, rotateKey, revokeKey, createTeam, listTeams, removeTeam, whoami];
