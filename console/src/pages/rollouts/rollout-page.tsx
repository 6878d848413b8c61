import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import { routeOf, useRollout } from "../../data/rollouts.ts";
import { BackLink } from "../../parts/back-link.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { RolloutView } from "./rollout-view.tsx";
import { StartDialog } from "./start-dialog.tsx";

/** One rollout or A/B test, under way or ended. */
export function RolloutPage({ params }: { params: { rollout: string } }) {
  const resource = useRollout(params.rollout);
  const rollout = resource.data?.rollout;
  const query = useQuery();
  const route = rollout === undefined ? null : routeOf(rollout.model);
  const title = rollout === undefined ? "Rollout" : `${rollout.kind === "ab-test" ? "A/B test" : "Rollout"} of ${route === null ? rollout.model : `the route ${route}`}`;
  usePageTitle(title);
  return (
    <div className="page">
      <header className="page-header">
        <nav aria-label="Breadcrumb" className="breadcrumb">
          <BackLink href="/rollouts">Rollouts</BackLink>
          {rollout !== undefined && (route === null ? <Link href={`/models/${rollout.model}/rollout`}>{rollout.model}</Link> : <Link href="/gateway">{route}</Link>)}
        </nav>
        <h1>{title}</h1>
      </header>
      <ResourceView resource={resource} lines={10}>
        {(status) => <RolloutView key={status.rollout.id} status={status} />}
      </ResourceView>
      {rollout !== undefined && route === null && query.get("start") !== null && <StartDialog model={rollout.model} onClose={() => query.set({ start: null }, { replace: true })} />}
    </div>
  );
}
