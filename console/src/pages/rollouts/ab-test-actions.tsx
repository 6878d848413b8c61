import { stopAbTest } from "../../data/ab-tests.ts";
import { useQuery } from "../../data/query.ts";
import { isOpen, routeOf } from "../../data/rollouts.ts";
import { useRights } from "../../data/session.ts";
import type { Rollout } from "../../data/types.ts";
import { variantsOf } from "./ab-test-words.ts";
import { ReasonDialog } from "./reason-dialog.tsx";

/** A test can be stopped, with the champion as it is or a variant in its place. */
export function AbTestActions({ rollout }: { rollout: Rollout }) {
  const query = useQuery();
  const route = routeOf(rollout.model);
  if (!useRights().somewhere("deployer") || !isOpen(rollout)) return null;
  const variants = variantsOf(rollout).filter(({ cut }) => cut === null);
  const asked = query.get("ask");
  const promoted = variants.find(({ name }) => asked === `promote ${name}`);
  const ask = (what: string | null): void => query.set({ ask: what }, { replace: true });
  return (
    <span className="header-actions cell-line">
      {variants.map(({ name }) => <button key={name} type="button" className="button button-primary" onClick={() => ask(`promote ${name}`)}>Promote {name}</button>)}
      <button type="button" className="button" onClick={() => ask("stop")}>Stop</button>
      {asked === "stop" && (
        <ReasonDialog title="Stop the test?" action="Stop the test" tone="primary" onClose={() => ask(null)} work={(reason) => stopAbTest(rollout, { reason })}>
          <p>{route === null ? `The champion, v${rollout.stable},` : `Revision ${rollout.stable} of the settings`} answers all {route === null ? "requests" : "calls"} again. What was counted stays.</p>
        </ReasonDialog>
      )}
      {promoted !== undefined && (
        <ReasonDialog title={route === null ? `Make ${promoted.name} the champion?` : `Give ${promoted.name} all calls?`} action={`Promote ${promoted.name}`} tone="primary" onClose={() => ask(null)} work={(reason) => stopAbTest(rollout, { promote: promoted.name, reason })}>
          {route === null
            ? <p>The test ends. v{promoted.version} gets all requests, with the alias champion and the stage Production, in the place of v{rollout.stable}.</p>
            : <p>The test ends. Revision {promoted.version} of the settings answers all calls of {route}, in the place of revision {rollout.stable}.</p>}
        </ReasonDialog>
      )}
    </span>
  );
}
