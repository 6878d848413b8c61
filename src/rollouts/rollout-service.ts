import { randomBytes } from "node:crypto";
import { mayOn, mayOnServer, type Caller } from "../core/caller.ts";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { requireOn } from "../core/request-gate.ts";
import { subjectReference, versionWords } from "../core/traffic-subject.ts";
import { championAlias, type RolloutPlan } from "../registry/index.ts";
import type { TrafficRoute } from "../serving/index.ts";
import type { WorkflowService } from "../workflows/index.ts";
import { assertAnswering } from "./assert-answering.ts";
import { approvalSignal, type ApprovalPayload } from "./entry-checks.ts";
import { phaseKey } from "./phase-routes.ts";
import { formerChampion, giveTo, rollbackReason } from "./rollback.ts";
import { endingOf, endsIt, isFull, ownActor, type Ending, type RolloutMoves } from "./rollout-moves.ts";
import type { RolloutParts } from "./rollout-parts.ts";
import { startableRollout } from "./rollout-start.ts";
import { checksOf, replicasOf } from "./rollout-status.ts";
import { rolloutWorkflowName } from "./rollout-workflow.ts";
import { openStates, type NewRollout, type RollbackResult, type Rollout, type RolloutStatus, type RolloutSummary, type Verdict } from "./schemas.ts";
import type { PhaseWatch } from "./watch-phase.ts";

export interface RolloutServiceParts extends RolloutParts {
  moves: RolloutMoves;
  watch: PhaseWatch;
  workflows: Pick<WorkflowService, "start" | "signal" | "steps">;
  /** Those of this process and of the others; null for a model that is of nobody. */
  teamOf(model: string): string | null | Promise<string | null>;
  /** Names of all models, and of routes as `route:NAME`, for callers who see a part of them. */
  modelNames(): Promise<{ name: string; team: string }[]>;
  /** Throws POLICY_INVALID or INVALID_REQUEST for a plan whose gates nobody could judge. Those of policies were looked at when these were written. */
  assertPlan(model: string, plan: RolloutPlan): Promise<void>;
}

/** Who asks for something, when, and why. */
export interface AskedBy {
  actor: string;
  now: EpochMs;
  reason: string;
}

/** Starting, steering, ending and reading rollouts. */
export class RolloutService {
  readonly #parts: RolloutServiceParts;

  constructor(parts: RolloutServiceParts) {
    this.#parts = parts;
  }

  /** Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, VERSION_NOT_RUNNABLE, ROLLOUT_IMPOSSIBLE, ROLLOUT_UNDER_WAY, POLICY_INVALID. */
  async start(model: string, request: NewRollout, by: Omit<AskedBy, "reason">, id: string = this.#parts.ids.next("rollout")): Promise<Rollout> {
    const { store, registry, moves } = this.#parts;
    const { team, stable, candidate, plan } = await startableRollout(registry, model, request);
    if (request.plan !== undefined) await this.#parts.assertPlan(model, plan);
    const rollout: Rollout = {
      id, model, team, kind: "rollout", stable, candidate, state: "preparing", plan, phase: -1, phaseSince: null, startedAt: by.now, startedBy: by.actor, endedAt: null,
      reason: request.reason, request: null, workflowRun: null, salt: randomBytes(12).toString("hex"), test: null,
    };
    await store.add(rollout);
    const started = await this.#run(rollout);
    moves.changed(started);
    return started;
  }

  /**
   * Rollouts that nobody carries out, because a server died between writing them and starting their run, are taken up. One that is being started just then has one run all the same, for both ask for it by the rollout.
   * Throws what some of them could not be taken up for.
   */
  async recover(): Promise<void> {
    const { store, moves } = this.#parts;
    let trouble: { error: unknown } | null = null;
    for (const rollout of await store.list({ open: true, limit: 1000 })) {
      if (rollout.workflowRun !== null || rollout.kind !== "rollout") continue;
      try {
        moves.changed(await this.#run(rollout));
      } catch (error) {
        trouble ??= { error };
      }
    }
    if (trouble !== null) throw trouble.error;
  }

  /** Whether its traffic is shared out. */
  async isUnderWay(model: string): Promise<boolean> {
    return (await this.#parts.store.current(model)) !== null;
  }

  /** Takes the next phase past the gates. Throws ROLLOUT_NOT_FOUND, ROLLOUT_ENDED, ROLLOUT_IMPOSSIBLE while it is prepared, and where somebody else did so already. */
  async promote(model: string, by: AskedBy): Promise<Rollout> {
    const rollout = await this.#phased(model);
    if (rollout.phaseSince === null) throw new AppError("ROLLOUT_IMPOSSIBLE", "The phase is being prepared, or waits for an approval: it can be promoted when it has its traffic.");
    const { actor, now, reason } = by;
    const asked = await this.#parts.store.request(rollout.id, { action: "promote", by: actor, at: now, reason, phase: rollout.phase });
    if (asked === null) return this.#ended(await this.#latest(rollout));
    if (!asked.isTaken) throw notTaken(asked.rollout);
    this.#parts.moves.changed(rollout);
    return asked.rollout;
  }

  /** The traffic stays as it is, and no gate decides; hard failures still end it. */
  async pause(model: string, by: AskedBy): Promise<Rollout> {
    const { store, watch, moves } = this.#parts;
    const rollout = await this.#phased(model);
    if (rollout.state === "paused") return rollout;
    if (rollout.phaseSince === null) throw new AppError("ROLLOUT_IMPOSSIBLE", "The phase is being prepared, or waits for an approval: it can be paused when it has its traffic.");
    const judged = await watch.judge(rollout, AbortSignal.timeout(10_000));
    const reason = said("paused", by);
    // Its seconds are those at which the clock of the phase stands still.
    if (judged !== null) await watch.write(rollout, { ...judged, decision: "hold", reason }, by.actor);
    const paused = await store.change(rollout.id, { state: "paused", reason }, { now: by.now, actor: by.actor, event: "rollout.paused" });
    moves.changed(rollout);
    return paused ?? this.#ended(await this.#latest(rollout));
  }

  async resume(model: string, by: AskedBy): Promise<Rollout> {
    const { store, moves } = this.#parts;
    const rollout = await this.#phased(model);
    if (rollout.state !== "paused") throw new AppError("ROLLOUT_IMPOSSIBLE", "The rollout is not paused.");
    const [latest] = await store.verdicts(rollout.id, { limit: 1 });
    const phaseSince = latest?.phase === rollout.phase ? epochMs(by.now - latest.seconds * 1000) : by.now;
    const resumed = await store.change(rollout.id, { state: "running", phaseSince, reason: "" }, { now: by.now, actor: by.actor, event: "rollout.resumed" });
    moves.changed(rollout);
    return resumed ?? this.#ended(await this.#latest(rollout));
  }

  /** Throws ROLLOUT_IMPOSSIBLE where nothing waits for it. */
  async approve(model: string, by: AskedBy): Promise<Rollout> {
    const rollout = await this.#phased(model);
    const waiting = (await this.#checks(rollout)).find(({ state }) => state === "waits for approval");
    if (waiting === undefined) throw new AppError("ROLLOUT_IMPOSSIBLE", "Nothing of the rollout waits for an approval now.");
    await this.#tell(rollout, { action: "approve", phase: waiting.phase, by: by.actor, reason: by.reason });
    return rollout;
  }

  /** All traffic is with the stable version when it answers; the registry is as it was. Throws ROLLOUT_ENDED, also where it succeeded meanwhile. */
  async abort(model: string, by: AskedBy): Promise<Rollout> {
    const ended = await this.#end(await this.#open(model), { state: "aborted", reason: said("aborted", by), actor: by.actor }, by.now);
    return ended.state === "succeeded" ? this.#ended(ended) : ended;
  }

  /** A server saw hard failures, took the traffic away there and asked for the end: the same way as an abort. */
  async tripped(id: string): Promise<void> {
    const rollout = await this.#parts.store.find(id);
    if (rollout !== null && openStates.includes(rollout.state) && endsIt(rollout.request)) await this.#end(rollout, endingOf(rollout.request), this.#parts.clock.now());
  }

  /** Ends what is under way; without it the champion is the one before, or `to`. Throws ROLLOUT_IMPOSSIBLE, VERSION_NOT_FOUND. */
  async rollback(model: string, to: string | null, by: AskedBy): Promise<RollbackResult> {
    const { store, registry, moves } = this.#parts;
    await registry.model(model);
    if (to !== null) assertAnswering(model, await registry.version(model, to));
    const open = await store.current(model);
    const ended = open === null ? null : await this.#end(open, { state: "aborted", reason: said("rolled back", by), actor: by.actor }, by.now);
    const champion = (await registry.model(model)).aliases[championAlias] ?? null;
    const wanted = to ?? (ended === null ? await formerChampion(this.#parts, model) : null);
    if (wanted === null || wanted === champion) return { model, champion: champion ?? "", before: null, rollout: ended };
    const kept = (await store.route(model))?.route ?? null;
    await giveTo(this.#parts, model, wanted, { ...by, reason: rollbackReason(model, by.reason) });
    // A route that keeps the former version warm would go on with the version that was rolled out.
    if (kept !== null) await moves.clear(kept.rollout);
    return { model, champion: wanted, before: champion, rollout: ended };
  }

  /** Somebody moved the alias past the rollout: it ends, and their word counts. */
  async championMoved(model: string, version: string): Promise<void> {
    const { store, moves, clock } = this.#parts;
    const rollout = await store.current(model);
    if (rollout === null) {
      const left = (await store.route(model))?.route ?? null;
      if (left !== null && left.stable !== version) await moves.clear(left.rollout);
      return;
    }
    if (rollout.kind !== "rollout" || moves.isEnding(rollout.id) || endsIt(rollout.request)) return;
    if (version === (isFull(rollout) ? rollout.candidate : rollout.stable)) return;
    await this.#end(rollout, { state: "aborted", reason: `${versionWords(rollout.model, version)} was made the champion by hand`, actor: ownActor }, clock.now());
  }

  /** A version of a rollout under way is gone: it ends. */
  async versionRemoved(model: string, version: string): Promise<void> {
    const rollout = await this.#parts.store.current(model);
    if (rollout === null || ![rollout.stable, rollout.candidate].includes(version)) return;
    await this.#end(rollout, { state: "aborted", reason: `${versionWords(rollout.model, version)} was deleted`, actor: ownActor }, this.#parts.clock.now());
  }

  /** The run that carries it out has ended by itself: nobody would end the rollout. */
  async runEnded(run: string, reason: string): Promise<void> {
    const rollout = (await this.#parts.store.list({ open: true, limit: 1000 })).find(({ workflowRun }) => workflowRun === run);
    if (rollout === undefined) return;
    await this.#end(rollout, { state: "failed", reason, actor: ownActor }, this.#parts.clock.now());
    await this.#parts.moves.clear(rollout.id);
  }

  async list(caller: Caller, { model, ...filter }: { model?: string | undefined; open?: boolean; before?: string | undefined; limit: number }): Promise<{ rollouts: RolloutSummary[]; next: string | null }> {
    const { store } = this.#parts;
    const sees = ({ name, team }: { name: string; team: string }): boolean => mayOn(caller, "viewer", subjectReference(name, team));
    const models = model === undefined && mayOnServer(caller, "viewer") ? undefined : (await this.#parts.modelNames()).filter((one) => (model === undefined || one.name === model) && sees(one)).map(({ name }) => name);
    const found = await store.list({ limit: filter.limit, ...(models === undefined ? {} : { models }), ...(filter.open === undefined ? {} : { open: filter.open }), ...(filter.before === undefined ? {} : { before: filter.before }) });
    const rollouts = await Promise.all(found.map(async (rollout): Promise<RolloutSummary> => {
      const [latest] = await store.verdicts(rollout.id, { limit: 1 });
      return { ...rollout, latest: latest === undefined ? null : { time: latest.time, decision: latest.decision, reason: latest.reason } };
    }));
    return { rollouts, next: found.length < filter.limit ? null : found.at(-1)!.id };
  }

  /** Throws ROLLOUT_NOT_FOUND, also for one of a model that the caller may not see. */
  async statusOf(caller: Caller, id: string): Promise<RolloutStatus> {
    return this.#status(await this.#seen(caller, id));
  }

  /** Of the one under way, or the latest. Throws MODEL_NOT_FOUND, ROLLOUT_NOT_FOUND. */
  async statusOfModel(model: string): Promise<RolloutStatus> {
    const { store, registry } = this.#parts;
    await registry.model(model);
    const rollout = (await store.current(model)) ?? (await store.list({ models: [model], limit: 1 }))[0];
    if (rollout === undefined) throw new AppError("ROLLOUT_NOT_FOUND", `${model} has no rollout.`);
    return this.#status(rollout);
  }

  async verdicts(caller: Caller, id: string, { before, limit }: { before?: string | undefined; limit: number }): Promise<{ verdicts: Verdict[]; next: string | null }> {
    await this.#seen(caller, id);
    const verdicts = await this.#parts.store.verdicts(id, { limit, ...(before === undefined ? {} : { before }) });
    return { verdicts, next: verdicts.length < limit ? null : verdicts.at(-1)!.id };
  }

  async #seen(caller: Caller, id: string): Promise<Rollout> {
    const missing = new AppError("ROLLOUT_NOT_FOUND", `There is no rollout ${JSON.stringify(id)}.`);
    const rollout = await this.#parts.store.find(id);
    if (rollout === null) throw missing;
    requireOn(caller, "viewer", subjectReference(rollout.model, await this.#parts.teamOf(rollout.model)), missing);
    return rollout;
  }

  async #status(rollout: Rollout): Promise<RolloutStatus> {
    const { store } = this.#parts;
    const kept = await store.route(rollout.model);
    const route: TrafficRoute | null = kept?.route?.rollout === rollout.id ? kept.route : null;
    const [latest] = await store.verdicts(rollout.id, { limit: 1 });
    const figures = rollout.phase < 0 ? { arms: [], paired: [] } : await this.#parts.figuresOf(rollout.id, phaseKey(rollout.plan, rollout.phase));
    return { rollout, route, figures, latest: latest ?? null, replicas: replicasOf(await store.replicas(), rollout.model), checks: await this.#checks(rollout) };
  }

  async #checks(rollout: Rollout): Promise<RolloutStatus["checks"]> {
    return checksOf(rollout, rollout.workflowRun === null ? [] : await this.#parts.workflows.steps(rollout.workflowRun).catch(() => []));
  }

  async #run(rollout: Rollout): Promise<Rollout> {
    const { store, workflows, clock } = this.#parts;
    const { run } = await workflows.start(rolloutWorkflowName, { input: { rollout: rollout.id }, idempotencyKey: rollout.id, team: rollout.team }, rollout.startedBy);
    return (await store.change(rollout.id, { workflowRun: run.id }, { now: clock.now(), actor: rollout.startedBy })) ?? rollout;
  }

  async #end(rollout: Rollout, ending: Ending, now: EpochMs): Promise<Rollout> {
    const ended = await this.#parts.moves.end(rollout.id, ending, now);
    // Nobody waits for it: what it looks at may take seconds.
    if (ended?.endedAt === now) void this.#parts.watch.writeLast(ended, ending.actor);
    // One that waits for an approval would wait on.
    await this.#tell(rollout, { action: "stop" });
    return ended ?? rollout;
  }

  async #tell({ id, team }: Rollout, payload: ApprovalPayload): Promise<void> {
    await this.#parts.workflows.signal({ signal: approvalSignal, key: id, payload, team });
  }

  async #latest(rollout: Rollout): Promise<Rollout> {
    return (await this.#parts.store.find(rollout.id)) ?? rollout;
  }

  /** One under way that has phases. */
  async #phased(model: string): Promise<Rollout> {
    const rollout = await this.#open(model);
    if (rollout.kind !== "rollout") throw new AppError("ROLLOUT_IMPOSSIBLE", `${model} has an A/B test under way, which has no phases.`);
    return rollout;
  }

  async #open(model: string): Promise<Rollout> {
    const { store, registry } = this.#parts;
    const open = await store.current(model);
    if (open !== null) return open;
    await registry.model(model);
    const [latest] = await store.list({ models: [model], limit: 1 });
    if (latest === undefined) throw new AppError("ROLLOUT_NOT_FOUND", `${model} has no rollout.`);
    return this.#ended(latest);
  }

  #ended({ id, model, state }: Rollout): never {
    throw new AppError("ROLLOUT_ENDED", `The rollout ${id} of ${model} is ${state}.`);
  }
}

/** Why a wish to promote was too late. */
function notTaken({ id, request, phase, plan }: Rollout): AppError {
  if (endsIt(request)) return new AppError("ROLLOUT_ENDED", `The rollout ${id} is being ended: ${request.reason}.`);
  if (request?.action === "promote") return new AppError("ROLLOUT_IMPOSSIBLE", `The phase was promoted by ${request.by} already, and is being left.`);
  return new AppError("ROLLOUT_IMPOSSIBLE", `The rollout went on meanwhile: its phase is ${plan.phases[phase]?.phase ?? String(phase)} by now.`);
}

function said(what: string, { actor, reason }: AskedBy): string {
  return `${what} by ${actor}${reason === "" ? "" : `: ${reason}`}`;
}
