import { AppError } from "../core/errors.ts";
import type { Subscriber } from "../events/index.ts";
import type { RolloutRegistry } from "./rollout-parts.ts";
import type { RolloutService } from "./rollout-service.ts";
import { rolloutWorkflowName } from "./rollout-workflow.ts";
import { challengerAlias, ownActor } from "./rollout-moves.ts";

type Trigger = "registered" | "evaluated better" | "staging" | "challenger";

/** What stands against a rollout that starts by itself, and is nobody's fault: the event is done then. */
const refusals: ReadonlySet<string> = new Set(["MODEL_NOT_FOUND", "VERSION_NOT_FOUND", "VERSION_NOT_RUNNABLE", "ROLLOUT_IMPOSSIBLE", "ROLLOUT_UNDER_WAY"]);

/** Starts rollouts where the plan of the policy says so, and ends those whose ground was taken away. Events may come again. */
export function rolloutSubscriber(rollouts: RolloutService, registry: RolloutRegistry): Subscriber {
  return {
    name: "rollouts",
    types: [
      "model.version.registered", "model.version.evaluated", "model.version.transitioned", "model.version.deleted", "model.alias.changed", "workflow.run.failed", "workflow.run.cancelled",
    ],
    handle: async ({ id, type, actor, time, payload }) => {
      const told = payload as { model: string; version: string; alias?: string; after?: string; workflow?: string; run: string; error?: { message?: string } | null; verdicts?: { role: string; verdict: string }[] };
      if (type.startsWith("workflow.")) {
        if (told.workflow === rolloutWorkflowName) await rollouts.runEnded(told.run, type === "workflow.run.cancelled" ? "its run was cancelled" : (told.error?.message ?? "its run failed"));
        return;
      }
      if (type === "model.version.deleted") return rollouts.versionRemoved(told.model, told.version);
      if (type === "model.alias.changed" && told.alias === "champion") {
        // An older word than the present one has been taken back since.
        const champion = await registry.model(told.model).then(({ aliases }) => aliases.champion, unlessMissing);
        if (champion === told.version) await rollouts.championMoved(told.model, told.version);
        return;
      }
      const trigger = triggerOf(type, told);
      // What a rollout itself does to stages and aliases starts no other.
      if (trigger === null || actor === ownActor) return;
      const policy = await registry.policy(told.model).catch(unlessMissing);
      if (policy?.policy.rollout.startOn.includes(trigger) !== true) return;
      try {
        // The same event finds the rollout that it started before.
        await rollouts.start(told.model, { version: told.version, reason: `started by itself: ${trigger}` }, { actor, now: time as never }, `rol_${id.slice(id.indexOf("_") + 1)}`);
      } catch (error) {
        if (!(error instanceof AppError) || !refusals.has(error.code)) throw error;
      }
    },
  };
}

function triggerOf(type: string, { alias, after, verdicts }: { alias?: string; after?: string; verdicts?: { role: string; verdict: string }[] }): Trigger | null {
  if (type === "model.version.registered") return "registered";
  if (type === "model.version.evaluated") return verdicts?.some(({ role, verdict }) => role === "champion" && verdict === "better") === true ? "evaluated better" : null;
  if (type === "model.version.transitioned") return after === "Staging" ? "staging" : null;
  return alias === challengerAlias ? "challenger" : null;
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof AppError && error.code === "MODEL_NOT_FOUND") return undefined;
  throw error;
}
