import { mayInTeam, mayOnServer, type Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import type { MetricFamily } from "../core/metric-family.ts";
import type { TurnedAway } from "../core/turned-away.ts";
import { nanoDollars, type LedgerService, type LedgerSettings } from "../ledger/index.ts";
import type { CallMetrics } from "./calls/call-metrics.ts";
import type { RefusedCalls } from "./calls/refused-calls.ts";
import type { GatewayCatalog } from "./settings/gateway-catalog.ts";
import type { Admission } from "./limits/index.ts";
import type { ProviderHealth, ProviderHealthView } from "./routing/provider-health.ts";

export interface GatewayMetricParts {
  calls: CallMetrics;
  refused: RefusedCalls;
  health: Pick<ProviderHealth, "views">;
  catalog: Pick<GatewayCatalog, "routes">;
  admission: Pick<Admission, "waiting">;
  turnedAway: Pick<TurnedAway, "family">;
  budgets: Pick<LedgerSettings, "budgets">;
  ledger: Pick<LedgerService, "lostInAll">;
}

/** Targets whose breaker is shown: those of routes first, then those that are not closed. What callers name beside is cut off first. */
const mostTargets = 500;

/** What `/metrics` shows of the gateway: calls and budgets of the teams that the caller sees the whole of, and to those who see the server what belongs to none. */
export async function gatewayMetrics({ calls, refused, health, catalog, admission, turnedAway, budgets, ledger }: GatewayMetricParts, caller: Caller, now: EpochMs): Promise<MetricFamily[]> {
  const seesServer = mayOnServer(caller, "viewer");
  const gauge = (name: string, help: string, samples: MetricFamily["samples"]): MetricFamily => ({ name, help, type: "gauge", samples });
  const targets = seesServer ? shownTargets(health.views(), catalog) : [];
  const sees = (team: string): boolean => seesServer || mayInTeam(caller, "viewer", team);
  return [
    ...calls.families(sees), refused.family(sees),
    gauge("slipway_gateway_breaker_open", "Circuit breaker of a target: 0 closed, 1 open, 0.5 while single calls try it.",
      targets.map(({ provider, model, state }) => ({ labels: { provider, model }, value: state === "closed" ? 0 : state === "open" ? 1 : 0.5 }))),
    gauge("slipway_gateway_waiting", "Calls that wait for a place within their limits.", seesServer ? [{ labels: {}, value: admission.waiting }] : []),
    ...(seesServer ? [turnedAway.family(), ...lostFamilies(ledger)] : []),
    gauge("slipway_budget_used_ratio", "Spent of a budget of a team or a project, of which 1 is the limit.",
      (await budgets.budgets(caller, now)).flatMap(({ scope, team, name, use }) => use.map(({ window, spent, limit }) => ({ labels: { team, project: scope === "project" ? name : "", window }, value: spent / limit })))),
  ];
}

/** Calls went on, and nobody sees in any sum what they cost. */
function lostFamilies({ lostInAll: { entries, cost } }: GatewayMetricParts["ledger"]): MetricFamily[] {
  const counter = (name: string, help: string, value: number): MetricFamily => ({ name, help, type: "counter", samples: [{ labels: {}, value }] });
  return [
    counter("slipway_ledger_entries_lost_total", "Entries of the ledger that were not written: its journal was full, or its disk failed.", entries),
    counter("slipway_ledger_dollars_lost_total", "What these entries cost, in US dollars.", cost / nanoDollars),
  ];
}

function shownTargets(views: readonly ProviderHealthView[], catalog: GatewayMetricParts["catalog"]): ProviderHealthView[] {
  const ofRoutes = new Set(catalog.routes().flatMap(({ settings }) => settings.targets.map(({ provider, model }) => `${provider}/${model}`)));
  const rank = ({ provider, model, state }: ProviderHealthView): number => (ofRoutes.has(`${provider}/${model}`) ? 0 : 2) + Number(state === "closed");
  return views.toSorted((one, another) => rank(one) - rank(another)).slice(0, mostTargets);
}
