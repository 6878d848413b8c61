import { heldNotes } from "../../../../src/gateway/split/held-settings.ts";
import { apiPath } from "../../data/api.ts";
import { useResource } from "../../data/resource.ts";
import { startNotes } from "../../data/start-notes.ts";
import type { Rollout } from "../../data/types.ts";
import { withCode } from "../../parts/error-box.tsx";
import type { RevisionOfRoute } from "../gateway/gateway-data.ts";
import { variantsOf } from "./ab-test-words.ts";

/**
 * What is other than whoever started it may think: what the server said of the start, such as that nothing judges costs without prices, and what of the
 * settings that are tried does not hold before they are the route's own, such as that a guardrail is gone.
 */
export function RolloutNotes({ rollout, route }: { rollout: Rollout; route: string }) {
  const revisions = useResource<{ revisions: RevisionOfRoute[] }>(apiPath`/api/gateway/routes/${route}/revisions`).data?.revisions ?? [];
  const settingsOf = (version: string) => revisions.find(({ revision }) => String(revision) === version)?.settings ?? null;
  const present = settingsOf(rollout.stable);
  const tried = rollout.kind === "ab-test" ? variantsOf(rollout).map(({ version }) => version) : [rollout.candidate];
  const held = present === null ? [] : tried.map(settingsOf).flatMap((settings) => (settings === null ? [] : heldNotes(present, settings)));
  return [...new Set([...startNotes(rollout.id), ...held])].map((note) => <p key={note} className="notice" role="status">{withCode(note)}</p>);
}
