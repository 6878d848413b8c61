import { defaultTeam } from "../../access/index.ts";
import { mayOn, type Caller } from "../../core/caller.ts";
import { AppError } from "../../core/errors.ts";
import { inNameOrder } from "../../core/name-order.ts";
import { missingObject } from "../../core/request-gate.ts";
import { coversRoute, mayCallDirectly, type DirectModels } from "./direct-models.ts";
import type { GatewayCatalog } from "./gateway-catalog.ts";
import { nearestCallable } from "./nearest-callable.ts";
import { modelDocument, speaksAnthropic, type ListedModel, type ModelDocument } from "../protocols/index.ts";

/** What a caller may name as the model of a call. */
export class CallableModels {
  readonly #parts: { catalog: GatewayCatalog; directModels: DirectModels };

  constructor(parts: { catalog: GatewayCatalog; directModels: DirectModels }) {
    this.#parts = parts;
  }

  /** Routes, and the models that providers are said to have. */
  listed(caller: Caller): ListedModel[] {
    const routes = this.#parts.catalog.routes().map(({ name, team, updatedAt }) => ({ name, created: Math.floor(updatedAt / 1000), owner: team }));
    return [...inNameOrder(routes), ...inNameOrder(this.#direct())].filter(({ name }) => this.#mayCall(caller, name));
  }

  /** The error of a name that stands for nothing, or for nothing that this caller may call: the same for both. It has the nearest that the caller may. */
  missing(caller: Caller, asked: string): AppError {
    const { code, message } = missingObject("route", asked);
    const { catalog } = this.#parts;
    const route = catalog.resolve(asked);
    const allowed = catalog.policyOf(caller)?.routes;
    // It sees the route by its grants: what is not there would be looked for in the wrong place.
    if (route !== null && route.revision !== null && allowed !== undefined && !allowed.some((each) => coversRoute(each, route.name)) && mayOn(caller, "viewer", { kind: "route", name: route.name, team: route.team })) {
      return new AppError(code, `${message.replace(/\.$/, "")} that this key may call: its policy leaves the route out (slipway gateway set-key).`);
    }
    const whereabouts = catalog.whereabouts(asked.slice(0, Math.max(0, asked.indexOf("/"))));
    if (whereabouts !== null) return new AppError(code, `${message.replace(/\.$/, "")}: its provider ${whereabouts}`);
    const mayCall = (name: string): boolean => this.#mayCall(caller, name);
    const names = [...catalog.routes(), ...this.#direct()].flatMap(({ name }) => (mayCall(name) ? [name] : []));
    const nearest = nearestCallable(asked, { names, providers: catalog.providers().map(({ name }) => name), mayCall });
    return new AppError(code, nearest === null ? message : `${message.replace(/\.$/, "")}; the nearest that you may call is ${nearest}.`);
  }

  /** What providers are said to have. */
  #direct(): ListedModel[] {
    return this.#parts.catalog.providers().flatMap(({ name, settings }) => (settings.models ?? (settings.kind === "echo" ? ["echo"] : [])).map((model) => ({ name: `${name}/${model}`, created: 0, owner: name })));
  }

  /** One of them in the caller's protocol; null where there is none, or it is not for this caller. */
  document(caller: Caller, headers: Parameters<typeof speaksAnthropic>[0], name: string): ModelDocument | null {
    const { catalog } = this.#parts;
    if (!this.#mayCall(caller, name)) return null;
    const route = catalog.route(name);
    // The well-known name of a model belongs to the provider that stands behind it.
    const { provider } = catalog.resolve(name)!.settings.targets[0]!;
    const model: ListedModel = route === null ? { name, created: 0, owner: provider } : { name, created: Math.floor(route.updatedAt / 1000), owner: route.team };
    return modelDocument(model, speaksAnthropic(headers));
  }

  /** As the floor of calls judges it. */
  #mayCall(caller: Caller, name: string): boolean {
    const { catalog } = this.#parts;
    const route = catalog.resolve(name);
    if (route === null || !mayOn(caller, "viewer", { kind: "route", name: route.name, team: route.revision === null ? defaultTeam : route.team })) return false;
    const allowed = catalog.policyOf(caller)?.routes;
    if (allowed !== undefined && !allowed.some((each) => coversRoute(each, route.name))) return false;
    return route.revision !== null || mayCallDirectly(this.#parts, route, caller);
  }
}
