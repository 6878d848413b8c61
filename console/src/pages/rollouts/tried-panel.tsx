import { apiPath } from "../../data/api.ts";
import { useResource } from "../../data/resource.ts";
import type { Rollout } from "../../data/types.ts";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import type { RouteHistory } from "../gateway/gateway-data.ts";
import { SettingsCompared } from "../gateway/settings-compared.tsx";
import { variantsOf } from "./ab-test-words.ts";

/** What is tried of a route beside what answers: the old prompt and the new one, and everything else that differs. */
export function TriedPanel({ rollout, route }: { rollout: Rollout; route: string }) {
  const history = useResource<RouteHistory>(apiPath`/api/gateway/routes/${route}/revisions`);
  const tried = rollout.kind === "ab-test" ? variantsOf(rollout) : [{ name: "tried", version: rollout.candidate }];
  return (
    <Panel title="What is tried">
      <ResourceView resource={history} lines={3}>
        {({ revisions }) => {
          const settingsOf = (version: string) => revisions.find(({ revision }) => String(revision) === version)?.settings ?? null;
          const stable = settingsOf(rollout.stable);
          return tried.map(({ name, version }) => {
            const settings = settingsOf(version);
            if (stable === null || settings === null) return <p key={version} className="muted">Revision {stable === null ? rollout.stable : version} is not among the newest that are listed.</p>;
            return <SettingsCompared key={version} before={stable} after={settings} labels={[`Revision ${rollout.stable}`, `Revision ${version}, ${name}`]} />;
          });
        }}
      </ResourceView>
    </Panel>
  );
}
