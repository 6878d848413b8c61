import { AppError } from "../core/errors.ts";
import { versionWords } from "../core/traffic-subject.ts";
import { assertRunnable } from "../registry/index.ts";
import type { RolledVersion } from "./rollout-parts.ts";

/** Whether a version, or a revision of a route, can get traffic. Throws ROLLOUT_IMPOSSIBLE, VERSION_NOT_RUNNABLE. */
export function assertAnswering(subject: string, found: RolledVersion): void {
  if (found.trouble !== undefined) throw new AppError("ROLLOUT_IMPOSSIBLE", `${subject} cannot answer with ${versionWords(subject, found.version)}: ${found.trouble}`);
  assertRunnable(found);
}
