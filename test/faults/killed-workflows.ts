import { z } from "zod";
import type { WorkflowDefinition } from "../../src/workflows/definition.ts";
import type { SeededRandom } from "../kit/seeded-random.ts";

/** How a run is to end: it is approved, one of its steps fails for good, or it is cancelled while it waits. */
export const orderEnds = ["approved", "refused", "cancelled"] as const;
export type OrderEnd = (typeof orderEnds)[number];

export interface World {
  /** A step does to the world what it is for. */
  effect(run: string, step: string): void;
  /** Told of what the engine does not tell. */
  onPoint(point: string): void;
  random: SeededRandom;
}

/** One of each thing that a run can do: steps in a row and side by side, retries, sleep, signal, failure, undoing. */
export function ordersWorkflow({ effect, onPoint, random }: World): WorkflowDefinition {
  const act = async (run: string, name: string): Promise<string> => {
    // Some take long enough to be killed in the middle, and to be written down as being under way.
    if (random.integer(0, 2) === 0) await new Promise((resolve) => setTimeout(resolve, random.integer(1, 6)));
    onPoint("before effect");
    effect(run, name);
    onPoint("after effect");
    return `${name} of ${run}`;
  };
  return {
    name: "orders", version: 1, description: "For kills", input: z.object({ end: z.enum(orderEnds) }),
    async run(context, input) {
      const run = context.runId;
      const step = (name: string): Promise<string> => context.step(name, () => act(run, name), { compensate: async () => void (await act(run, `undo ${name}`)) });
      const answers = [await step("reserve")];
      answers.push(...(await Promise.all([step("pay"), step("pack"), context.step("label", () => act(run, "label"))])));
      await context.sleep("nap", 2);
      answers.push(
        await context.step("check", ({ attempt, log }) => {
          log(`attempt ${attempt}`);
          if (attempt === 1) throw new Error("not yet");
          return act(run, "check");
        }, { retry: { initialDelayMs: 2 } }),
      );
      const approval = await context.waitForSignal<string>("approval", { signal: "approved", key: run });
      if ((input as { end: OrderEnd }).end === "refused") await context.step("refuse", () => Promise.reject(new Error("no")), { retry: { maxAttempts: 2, initialDelayMs: 1 } });
      answers.push(await context.step("send", () => act(run, "send")));
      return { approval, answers };
    },
  };
}

const undone = ["undo pack", "undo pay", "undo reserve"];
const worked = ["reserve", "pay", "pack", "label", "check"];

/** What a run that ended so has done, in any order, and what it answers. */
export function expectedOf(run: string, end: OrderEnd): { state: string; output: unknown; steps: string[] } {
  const steps = [...worked, ...(end === "approved" ? ["send"] : undone)].sort();
  if (end !== "approved") return { state: end === "refused" ? "failed" : "cancelled", output: null, steps };
  return { state: "succeeded", output: { approval: "yes", answers: [...worked, "send"].map((name) => `${name} of ${run}`) }, steps };
}

/** What schedules start. */
export function scheduledWorkflow({ effect, onPoint }: World): WorkflowDefinition {
  return {
    // Time is made up and goes by in leaps, whatever the processor has to do: it is not the time of a run that is tried here.
    name: "scheduled", version: 1, description: "For kills", input: z.unknown(), timeoutMs: 366 * 86_400_000,
    run: (context) =>
      context.step("work", () => {
        onPoint("before effect");
        effect(context.runId, "work");
        onPoint("after effect");
        return "done";
      }),
  };
}
