import fc from "../../test/kit/fast-check.ts";
import { z } from "zod";
import type { WorkflowContext, WorkflowDefinition } from "./definition.ts";

/** What a random workflow does, as data: the same plan is the same code in every process. */
export type Plan =
  | { kind: "step"; failures: number; compensated: boolean; long: boolean }
  | { kind: "sleep"; milliseconds: number }
  | { kind: "signal"; sent: boolean }
  | { kind: "fatal"; caught: boolean }
  | { kind: "series" | "parallel"; parts: Plan[] };

/** An effect on the world: what a step, or its undoing, did. */
export type Effect = (effect: string) => void;

const retry = { maxAttempts: 4, initialDelayMs: 2000, factor: 2 };

export const planArbitrary: fc.Arbitrary<Plan> = fc.letrec<{ plan: Plan; leaf: Plan; group: Plan }>((tie) => ({
  leaf: fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("step" as const), failures: fc.nat({ max: 2 }), compensated: fc.boolean(), long: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("sleep" as const), milliseconds: fc.constantFrom(0, 500, 5000, 60_000) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("signal" as const), sent: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fatal" as const), caught: fc.boolean() }) },
  ),
  group: fc.record({ kind: fc.constantFrom("series" as const, "series" as const, "parallel" as const), parts: fc.array(tie("plan"), { minLength: 1, maxLength: 4 }) }),
  plan: fc.oneof({ maxDepth: 3, depthSize: "small" }, tie("leaf"), tie("group")),
})).plan;

/** The workflow of plans. Its output depends on what every part answered. */
export function plannedWorkflow(effect: Effect, planOf: (input: unknown) => Plan): WorkflowDefinition {
  return {
    name: "planned", version: 1, description: "Does what a plan says", input: z.unknown(),
    run: (context, input) => execute(context, planOf(input), "p", effect),
  };
}

async function execute(context: WorkflowContext, plan: Plan, name: string, effect: Effect): Promise<unknown> {
  switch (plan.kind) {
    case "step":
      return context.step(
        name,
        async ({ attempt }) => {
          if (plan.long) await new Promise((resolve) => setImmediate(resolve));
          if (attempt <= plan.failures) throw new Error(`${name} fails at attempt ${attempt}`);
          effect(name);
          return { name, attempt };
        },
        { retry, ...(plan.compensated ? { compensate: async () => effect(`undo ${name}`) } : {}) },
      );
    case "sleep":
      await context.sleep(name, plan.milliseconds);
      return null;
    case "signal":
      return context.waitForSignal(name, { signal: "random", key: `${context.runId} ${name} ${plan.sent}`, timeoutMs: plan.sent ? 86_400_000 : 30_000 });
    case "fatal": {
      const failing = context.step(name, () => Promise.reject(new Error(`${name} is fatal`)), { retry: { maxAttempts: 1 } });
      return plan.caught ? failing.catch((error: Error) => error.message) : failing;
    }
    case "series": {
      const answers: unknown[] = [];
      for (const [index, part] of plan.parts.entries()) answers.push(await execute(context, part, `${name}.${index}`, effect));
      return answers;
    }
    case "parallel":
      return Promise.all(plan.parts.map((part, index) => execute(context, part, `${name}.${index}`, effect)));
  }
}

/** The keys of all signals that a plan wants to be sent, for one run. */
export function signalKeysOf(plan: Plan, run: string, name = "p"): string[] {
  if ("parts" in plan) return plan.parts.flatMap((part, index) => signalKeysOf(part, run, `${name}.${index}`));
  return plan.kind === "signal" && plan.sent ? [`${run} ${name} true`] : [];
}

/** Whether the plan ends in a failure; its path is clear then only where nothing runs beside it. */
export function fails(plan: Plan): boolean {
  if ("parts" in plan) return plan.parts.some(fails);
  return plan.kind === "fatal" && !plan.caught;
}
