import { defaultTeam } from "../../access/index.ts";
import { mayInTeam, mayOn, ownActor, type Caller } from "../../core/caller.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { requireOn } from "../../core/request-gate.ts";
import { newSpanId } from "../../core/trace-context.ts";
import type { Attribution } from "../../ledger/index.ts";
import type { SpanSink } from "../../tracing/index.ts";
import { cacheControlOf, type CacheControl } from "../cache/index.ts";
import { readRemarks, type CallContext, type CallRemarks } from "./call-context.ts";
import type { CallBounds, CallLedger } from "./call-ledger.ts";
import { CallRecord, type CallObserver } from "./call-record.ts";
import { leastLeft } from "./limit-left-headers.ts";
import { SpansOfCaller } from "./spans-of-caller.ts";
import { parseBody } from "./parse-body.ts";
import { CallableModels } from "../settings/callable-models.ts";
import type { GatewayCatalog, ResolvedRoute } from "../settings/gateway-catalog.ts";
import { coversRoute, mayCallDirectly, type DirectModels } from "../settings/direct-models.ts";
import type { Admission, LimitedCall, LimitsLeft, Ticket } from "../limits/index.ts";
import type { AttemptPlace, CallOrder, ReadyProvider } from "../routing/call-plan.ts";
import type { KeyPolicySettings, Limits, ProviderSettings, RouteSettings, RouteTarget } from "../schemas.ts";

/** A call that was let in. */
export interface OpenedFloor extends Pick<CallContext, "callerNow"> {
  caller: Caller;
  route: ResolvedRoute;
  policy: KeyPolicySettings | null;
  remarks: CallRemarks;
  control: CacheControl;
  /** Whose word the model is. */
  askedBy: "caller" | "route";
  /** Asked beside the caller's call, who gets nothing of it and pays nothing. */
  isShadow?: true;
  /** By which the door's log and the caller's client know it. */
  requestId: string;
  now: EpochMs;
}

export interface CallFloorParts {
  catalog: GatewayCatalog;
  admission: Admission;
  calls: CallLedger;
  spans: SpanSink;
  clock: Clock;
  logger: Logger;
  /** All may where it is not said. */
  directModels?: DirectModels;
  observer?: CallObserver;
  /** Is told of calls without a record: a caller of the team named a model that stands for nothing that it may call. Must be quick and may not throw. */
  missed?(team: string, error: AppError, now: EpochMs): void;
}

/** What every call passes, whatever it asks for: who may call what, limits, budgets, and the record of it. */
export class CallFloor {
  readonly #parts: CallFloorParts;

  constructor(parts: CallFloorParts) {
    this.#parts = parts;
  }

  /** The document of a body. Throws INVALID_JSON, INVALID_REQUEST. */
  parse(body: Uint8Array): Record<string, unknown> {
    return parseBody(body);
  }

  /** `askedBy`: whose word the model is, the caller's or that of a route's settings. Throws INVALID_REQUEST, GATEWAY_MODEL_NOT_FOUND, FORBIDDEN. */
  enter(model: unknown, context: CallContext, askedBy: "caller" | "route" = "caller"): OpenedFloor {
    if (typeof model !== "string" || model === "") throw new AppError("INVALID_REQUEST", "model is missing: name a route, or PROVIDER/MODEL.", { problems: [{ path: "model", message: "a text is expected" }] });
    try {
      return this.#entered(model, context, askedBy);
    } catch (error) {
      if (askedBy === "caller" && error instanceof AppError) this.#parts.missed?.(teamOf(context.caller), error, context.now);
      throw error;
    }
  }

  #entered(model: string, { caller, callerNow, headers, requestId, now }: CallContext, askedBy: "caller" | "route"): OpenedFloor {
    const { route, policy } = this.#allowed(model, caller, askedBy);
    const remarks = readRemarks({ headers, now });
    return { caller, callerNow, route, policy, remarks, control: cacheControlOf(remarks.cacheControl), askedBy, requestId, now };
  }

  /** What the model stands for, where the caller may call it. */
  #allowed(model: string, caller: Caller, askedBy: "caller" | "route"): Pick<OpenedFloor, "route" | "policy"> {
    const { catalog, directModels = "all" } = this.#parts;
    const route = catalog.resolve(model);
    const policy = catalog.policyOf(caller);
    if (route === null || (policy?.routes !== undefined && !policy.routes.some((allowed) => coversRoute(allowed, route.name)))) throw this.#missing(caller, model);
    if (route.revision === null && askedBy === "caller" && !mayCallDirectly({ catalog, directModels }, route, caller)) throw this.#missing(caller, model);
    const object = { kind: "route", name: route.name, team: route.team } as const;
    // An error takes longer to make than all else here, for its stack.
    if (!mayOn(caller, "viewer", object)) requireOn(caller, "viewer", object, this.#missing(caller, model));
    return { route, policy };
  }

  /** For a call that has waited for its turn: its key may have ended meanwhile, or the right to call this. Where nobody can say, as the database is away, it goes on. */
  async #stillMay({ callerNow, route, askedBy }: OpenedFloor, ticket: Ticket): Promise<void> {
    if (callerNow === undefined) return;
    try {
      this.#allowed(route.name, await callerNow(), askedBy);
    } catch (error) {
      if (error instanceof AppError && error.status >= 500) return;
      ticket.giveBack();
      throw error;
    }
  }

  #missing(caller: Caller, model: string): AppError {
    const { catalog, directModels = "all" } = this.#parts;
    return new CallableModels({ catalog, directModels }).missing(caller, model);
  }

  record({ caller, route, policy, remarks, isShadow, requestId }: OpenedFloor, operation: string, user: string | null): CallRecord {
    const { calls, spans, clock, logger, observer } = this.#parts;
    const attribution: Attribution & { traceId: string } = {
      actor: caller.actor, team: route.team === defaultTeam ? teamOf(caller) : route.team, project: policy?.project ?? null, route: route.name, user, session: remarks.session, traceId: remarks.traceId,
      agentRun: remarks.agentRun, tags: remarks.tags, ...(isShadow === true && ofNobody),
    };
    // Who reads the team's traces needs no note of whose each is, and each note costs.
    const own = isShadow === true || mayInTeam(caller, "viewer", attribution.team) ? null : ownActor(caller);
    return new CallRecord({ calls, spans: own === null ? spans : new SpansOfCaller(spans, own), clock, logger, observer }, { attribution, requestId, spanId: newSpanId(), parentSpanId: remarks.parentSpanId, operation, model: route.name, startedAt: clock.now() });
  }

  isHeld({ policy, route }: OpenedFloor, { attribution }: CallRecord): boolean {
    return this.#parts.calls.isHeld(attribution, { key: policy?.budget, route: route.settings.budget });
  }

  /**
   * Takes the call's place in limits, then in budgets: who waits for a limit must not hold money that others could spend. A call that has no room in the budgets gives all back that it took of the limits.
   * Throws, or rejects with, RATE_LIMITED, GATEWAY_OVERLOADED, BUDGET_EXCEEDED, BUDGET_UNAVAILABLE, PRICE_UNKNOWN, CALLER_GONE.
   */
  admit(opened: OpenedFloor, record: CallRecord, bounds: CallBounds, context: CallContext): void | Promise<void> {
    const { policy, route } = opened;
    // Without limits nothing is waited for, and nothing to be given back.
    if (policy?.limits === undefined && route.settings.limits === undefined) return this.reserve(opened, record, bounds);
    return this.#admitLimited(opened, record, bounds, context);
  }

  async #admitLimited(opened: OpenedFloor, record: CallRecord, bounds: CallBounds, { signal }: CallContext): Promise<void> {
    const { admission, catalog, clock } = this.#parts;
    const { policy, route, caller } = opened;
    const { settings } = route;
    const known = catalog.resolve(route.name);
    const limitedBy = (): LimitedBy => {
      const now = catalog.resolve(route.name);
      // While a route is split, an arm may have limits of its own: they hold until the route is another.
      return limitedByCallers(caller, catalog.policyOf(caller), { name: route.name, settings: now === null || now === known ? settings : now.settings });
    };
    const asked = { ...limitedByCallers(caller, policy, route), tokens: bounds.rateTokens, deadline: this.deadline(settings, record), signal, limitedBy };
    let ticket: Ticket;
    try {
      const entered = admission.enter(asked);
      ticket = entered instanceof Promise ? await entered : entered;
      if (ticket.hasQueued === true) await this.#stillMay(opened, ticket);
      record.ticket = ticket;
      record.limits = { left: ticket.left(), at: clock.now() };
    } catch (error) {
      const left = await admission.leftAfter(error, asked);
      if (left !== null) record.limits = { left, at: clock.now() };
      throw error;
    }
    try {
      const reserved = this.reserve(opened, record, bounds);
      if (reserved instanceof Promise) await reserved;
    } catch (error) {
      ticket.giveBack();
      record.limits = { left: ticket.left(), at: record.limits.at };
      throw error;
    }
  }

  /** The part of `admit` that is about budgets, for a call whose place in the limits is another's. */
  reserve({ policy, route: { settings } }: OpenedFloor, record: CallRecord, bounds: CallBounds): void | Promise<void> {
    const { calls } = this.#parts;
    const limits = { key: policy?.budget, route: settings.budget };
    if (!calls.isHeld(record.attribution, limits)) return;
    record.reserveLost = (lostNano, beforeNano) => calls.reserveLost(settings, record.attribution, limits, bounds, { lostNano, beforeNano }, record.startedAt);
    const reserved = calls.reserve(settings, record.attribution, limits, bounds, record.startedAt);
    if (reserved instanceof Promise) return reserved.then((reservation) => void (record.reservation = reservation));
    record.reservation = reserved;
  }

  /** Gives back what was reserved for a call that is not made after all. */
  release(record: CallRecord): void {
    this.#parts.calls.release(record.reservation);
    record.reservation = null;
  }

  /**
   * Asks for a place with a provider or model that has limits of its own; undefined where none of the route has. Callers are told of them where they bind the next call as those of key and route do: of those that all
   * targets have in common, as there is no other target that would be asked instead. To be called when those have let the call in.
   */
  providerAdmission(tokens: number, record: CallRecord, settings: RouteSettings, opened: OpenedFloor): CallOrder<unknown>["admit"] {
    const { admission, catalog, clock } = this.#parts;
    if (!settings.targets.some((target) => hasLimits(catalog.provider(target.provider)?.settings, target.model))) return undefined;
    const binding = bindingLimits(settings);
    const of = binding === "all" ? undefined : "provider";
    const ofCaller = record.limits;
    const tell = (left: LimitsLeft): void => void (record.limits = leastLeft(ofCaller, { left, at: clock.now() }));
    return async (target, provider, over) => {
      if (!hasLimits(provider.settings, target.model)) return unlimited;
      const limitedBy = (): LimitedBy => limitedByProvider(catalog.provider(provider.name) ?? provider, target.model);
      const asked = { ...limitedByProvider(provider, target.model), tokens, deadline: this.deadline(settings, record), signal: over, limitedBy };
      let ticket: Ticket;
      try {
        ticket = await admission.enter(asked);
      } catch (error) {
        const left = binding === null ? null : await admission.leftAfter(error, asked, of);
        if (left !== null) tell(left);
        throw error;
      }
      if (ticket.hasQueued === true) await this.#stillMay(opened, ticket);
      if (binding !== null) tell(ticket.left(of));
      record.attemptTickets.push({ target, ticket });
      return ticket;
    };
  }

  /** Whose limits the calls of a provider count in. */
  readonly accountOf = (provider: string): string => this.#parts.catalog.accountOf(provider);

  deadline({ deadlineMs }: RouteSettings, { startedTick }: CallRecord): number {
    return startedTick + deadlineMs;
  }

  worstDollars(target: RouteTarget, bounds: CallBounds, now: EpochMs): number | null {
    return this.#parts.calls.worstDollars(target, bounds, now);
  }
}

/** What a shadow costs is in no sum of its caller's, and in no budget of its key. */
const ofNobody = { actor: "rollouts", user: null, session: null, agentRun: null } as const;

type LimitedBy = Omit<LimitedCall, "tokens">;

function limitedByCallers({ actor }: Caller, policy: KeyPolicySettings | null, { name, settings }: Pick<ResolvedRoute, "name" | "settings">): LimitedBy {
  return { ...(policy?.limits === undefined ? {} : { key: { id: actor, limits: policy.limits } }), ...(settings.limits === undefined ? {} : { route: { id: name, limits: settings.limits } }) };
}

function limitedByProvider({ name, settings }: Pick<ReadyProvider, "name" | "settings">, model: string): LimitedBy {
  const ofModel = limitsOfModel(settings, model);
  return { ...(ofModel === undefined ? {} : { model: { id: `${name}/${model}`, limits: ofModel } }), ...(settings.limits === undefined ? {} : { provider: { id: name, limits: settings.limits } }) };
}

const unlimited: AttemptPlace = { leave: () => undefined, giveBack: () => undefined };

function hasLimits(settings: ProviderSettings | undefined, model: string): boolean {
  return settings !== undefined && (settings.limits !== undefined || limitsOfModel(settings, model) !== undefined);
}

function limitsOfModel({ modelLimits }: ProviderSettings, model: string): Limits | undefined {
  return modelLimits === undefined ? undefined : Object.hasOwn(modelLimits, model) ? modelLimits[model] : modelLimits["*"];
}

/** Which limits of provider and model every target of a route has: all where each is of one model, those of the provider where each is of one provider, else none (null). */
function bindingLimits({ targets: [first, ...others] }: RouteSettings): "all" | "provider" | null {
  if (others.some(({ provider }) => provider !== first!.provider)) return null;
  return others.some(({ model }) => model !== first!.model) ? "provider" : "all";
}

/** The one team of all that the caller may do. */
function teamOf({ grants }: Caller): string {
  const [first] = grants;
  return first !== undefined && first.team !== "*" && grants.every(({ team }) => team === first.team) ? first.team : defaultTeam;
}
