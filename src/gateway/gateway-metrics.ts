import { mayInTeam, mayOnServer, type Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import type { MetricFamily } from "../core/metric-family.ts";
import type { LedgerSettings } from "../ledger/index.ts";
import type { CallMetrics } from "./call-metrics.ts";
import type { Admission } from "./limits/index.ts";
import type { ProviderHealth } from "./routing/provider-health.ts";

export interface GatewayMetricParts {
  calls: CallMetrics;
  health: Pick<ProviderHealth, "views">;
  admission: Pick<Admission, "waiting">;
  budgets: Pick<LedgerSettings, "budgets">;
}

/** Targets whose breaker is shown; those that are not closed first. */
const mostTargets = 500;

/** What `/metrics` shows of the gateway: calls and budgets of the teams that the caller sees the whole of, and to those who see the server what belongs to none. */
export async function gatewayMetrics({ calls, health, admission, budgets }: GatewayMetricParts, caller: Caller, now: EpochMs): Promise<MetricFamily[]> {
  const seesServer = mayOnServer(caller, "viewer");
  const gauge = (name: string, help: string, samples: MetricFamily["samples"]): MetricFamily => ({ name, help, type: "gauge", samples });
  const targets = seesServer ? health.views().sort((one, another) => Number(one.state === "closed") - Number(another.state === "closed")).slice(0, mostTargets) : [];
  return [
    ...calls.families((team) => seesServer || mayInTeam(caller, "viewer", team)),
    gauge("slipway_gateway_breaker_open", "Circuit breaker of a target: 0 closed, 1 open, 0.5 while single calls try it.",
      targets.map(({ provider, model, state }) => ({ labels: { provider, model }, value: state === "closed" ? 0 : state === "open" ? 1 : 0.5 }))),
    gauge("slipway_gateway_waiting", "Calls that wait for a place within their limits.", seesServer ? [{ labels: {}, value: admission.waiting }] : []),
    gauge("slipway_budget_used_ratio", "Spent of a budget of a team or a project, of which 1 is the limit.",
      (await budgets.budgets(caller, now)).flatMap(({ scope, team, name, use }) => use.map(({ window, spent, limit }) => ({ labels: { team, project: scope === "project" ? name : "", window }, value: spent / limit })))),
  ];
}
