import { AppError } from "../../core/errors.ts";
import type { NewRoute } from "../phase-routes.ts";
import type { Rollout } from "../schemas.ts";
import { ownMetrics, specOf, testOf, type AbTestSpec, type AbTestState, type NewAbTest } from "./schemas.ts";

/** A test has one phase, which figures of requests are kept under. */
const testPhase = "test";

/** Slots of the hash, one after the other from 0; what is left is the control's. Throws INVALID_REQUEST where the percentages leave it nothing, or two variants are alike. */
export function plannedTest({ variants, reason: _reason, ...asked }: NewAbTest): AbTestState {
  const names = new Set(variants.map(({ name }) => name));
  const versions = new Set(variants.map(({ version }) => version));
  if (names.size < variants.length || versions.size < variants.length) throw new AppError("INVALID_REQUEST", "Each variant needs a name and a version of its own.");
  const given = variants.reduce((sum, { percent }) => sum + (percent ?? 0), 0);
  const open = variants.filter(({ percent }) => percent === undefined).length;
  if (given > 99.9) throw new AppError("INVALID_REQUEST", `The variants have ${given}% of the traffic, which leaves the control nothing to be compared with.`);
  const each = (100 - given) / (open + 1);
  let from = 0;
  const slots = variants.map(({ name, version, percent }) => {
    const slot = { name, version, from, to: from + (percent ?? each) / 100, cut: null };
    from = slot.to;
    return slot;
  });
  return { ...asked, variants: slots, looks: [] };
}

/** Every variant that has not lost its traffic has its slot; what fails there is answered by the control. */
export function testRoute(rollout: Rollout): NewRoute {
  const { id, model, stable, salt } = rollout;
  const spec: AbTestSpec = specOf(testOf(rollout));
  const arms = spec.variants.filter(({ cut }) => cut === null).map(({ name, version, from, to }) => ({ name, version, from, to }));
  return {
    model, rollout: id, phase: testPhase, kind: "ab-test", stable, salt, arms, rules: [], shadow: null, retryOnStable: true,
    key: { header: spec.keyHeader, input: spec.keyInput }, hard: { failures: spec.maxFailures, latencyMs: null },
    warm: [stable, ...arms.map(({ version }) => version)], test: spec,
  };
}

export function isReported(metric: string): boolean {
  return !(ownMetrics as readonly string[]).includes(metric);
}
