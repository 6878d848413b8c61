import type { Command } from "../core/command.ts";
import { textTable } from "../core/text-table.ts";
import type { GatewayRoute, RevisionInHistory, RouteHistory } from "./schemas.ts";

/** One route: its settings, what it was, and which revision answered since when. */
export const showRoute: Command = {
  words: ["gateway", "route"],
  summary: "one route: its settings, its revisions, and who gave which of them the calls, when and why",
  namesKeys: true,
  positionals: [{ name: "<name>", description: "the route" }],
  run: async ({ api }, { positionals: [name] }) => {
    const path = `/api/gateway/routes/${encodeURIComponent(name!)}`;
    const [route, history] = await Promise.all([api.get<GatewayRoute>(path), api.get<RouteHistory>(`${path}/revisions`)]);
    return { ...route, history };
  },
  render: ({ name, team, revision, settings, history: { revisions, turns } }: GatewayRoute & { history: RouteHistory }) =>
    [
      `${name} of the team ${team}, revision ${revision}:`, JSON.stringify(settings, null, 2), "",
      textTable(["REVISION", "STATE", "WHEN", "WHO", "WHY"], revisions.map((entry) => [String(entry.revision), stateOf(entry, revision), timeText(entry.changedAt), entry.changedBy, entry.reason || "-"])), "",
      textTable(["ANSWERED SINCE", "REVISION", "WHO", "WHY"], turns.map((turn) => [timeText(turn.since), String(turn.revision), turn.actor, turn.reason || "-"])),
      ...(revisions.length > 1 ? ["", `Back to another one: slipway rollback route:${name} --to REVISION --reason WHY`] : []),
    ].join("\n"),
};

function stateOf({ revision, settings, draft, rollout }: RevisionInHistory, answering: number): string {
  const state = revision === answering ? "answers" : settings === null ? "removed" : draft ? "draft" : "-";
  return rollout === null ? state : `${state === "-" ? "" : `${state}; `}rollout ${rollout.state}${rollout.reason === "" || rollout.state === "succeeded" ? "" : `: ${rollout.reason}`}`;
}

function timeText(time: number): string {
  return new Date(time).toISOString();
}
