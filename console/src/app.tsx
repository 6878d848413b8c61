import { Redirect, Route, Switch } from "wouter";
import { CostsPage } from "./pages/costs/costs-page.tsx";
import { DatasetPage } from "./pages/datasets/dataset-page.tsx";
import { DatasetsPage } from "./pages/datasets/datasets-page.tsx";
import { DocsPage } from "./pages/docs/docs-page.tsx";
import { EventsPage } from "./pages/events/events-page.tsx";
import { WebhookPage } from "./pages/events/webhook-page.tsx";
import { ComparePage } from "./pages/experiments/compare-page.tsx";
import { ExperimentPage } from "./pages/experiments/experiment-page.tsx";
import { ExperimentsPage } from "./pages/experiments/experiments-page.tsx";
import { TrackedRunPage } from "./pages/experiments/run-page.tsx";
import { GatewayPage } from "./pages/gateway/gateway-page.tsx";
import { ModelPage } from "./pages/model/model-page.tsx";
import { ModelsPage } from "./pages/models/models-page.tsx";
import { NotFoundPage } from "./pages/not-found-page.tsx";
import { PredictionPage } from "./pages/predictions/prediction-page.tsx";
import { RolloutPage } from "./pages/rollouts/rollout-page.tsx";
import { RolloutsPage } from "./pages/rollouts/rollouts-page.tsx";
import { SettingsPage } from "./pages/settings/settings-page.tsx";
import { SignInPage } from "./pages/sign-in/sign-in-page.tsx";
import { TracePage } from "./pages/traces/trace-page.tsx";
import { TracesPage } from "./pages/traces/traces-page.tsx";
import { RunPage } from "./pages/workflows/run-page.tsx";
import { WorkflowsPage } from "./pages/workflows/workflows-page.tsx";
import { eventTabs, gatewayTabs, modelTabs, settingsTabs, workflowTabs } from "./shell/sections.ts";
import { SessionGate } from "./shell/session-gate.tsx";
import { Shell } from "./shell/shell.tsx";

/** Every address of the console. The server has the same list, to answer 404 for the rest. */
export function App() {
  return (
    <SessionGate signIn={<SignInPage />}>
      <Shell>
        <Switch>
          <Route path="/"><Redirect to="/models" replace /></Route>
          <Route path="/models" component={ModelsPage} />
          <Route path="/models/:model/:tab?" component={ModelRoute} />
          <Route path="/predictions/:id" component={PredictionPage} />
          <Route path="/rollouts" component={RolloutsPage} />
          <Route path="/rollouts/:rollout" component={RolloutPage} />
          <Route path="/gateway/:tab?" component={GatewayRoute} />
          <Route path="/costs" component={CostsPage} />
          <Route path="/experiments" component={ExperimentsPage} />
          <Route path="/experiments/:experiment" component={ExperimentPage} />
          <Route path="/experiments/:experiment/compare" component={ComparePage} />
          <Route path="/experiments/:experiment/runs/:run" component={TrackedRunPage} />
          <Route path="/datasets" component={DatasetsPage} />
          <Route path="/datasets/:dataset" component={DatasetPage} />
          <Route path="/traces" component={TracesPage} />
          <Route path="/traces/:trace" component={TracePage} />
          <Route path="/workflows/runs/:run" component={RunPage} />
          <Route path="/workflows/:tab?" component={WorkflowsRoute} />
          <Route path="/events/webhooks/:webhook" component={WebhookPage} />
          <Route path="/events/:tab?" component={EventsRoute} />
          <Route path="/settings"><Redirect to="/settings/keys" replace /></Route>
          <Route path="/settings/:tab" component={SettingsRoute} />
          <Route path="/docs" component={DocsPage} />
          <Route component={NotFoundPage} />
        </Switch>
      </Shell>
    </SessionGate>
  );
}

/** One route for all tabs, so that the page stays, and with it the focus, when the tab changes. */
function ModelRoute({ params }: { params: { model: string; tab?: string | undefined } }) {
  const tab = modelTabs.find(({ path }) => path === (params.tab === undefined ? "" : `/${params.tab}`));
  return tab === undefined ? <NotFoundPage /> : <ModelPage name={params.model} tab={tab.id} />;
}

function GatewayRoute({ params }: { params: { tab?: string | undefined } }) {
  const tab = gatewayTabs.find(({ path }) => path === (params.tab === undefined ? "/gateway" : `/gateway/${params.tab}`));
  return tab === undefined ? <NotFoundPage /> : <GatewayPage tab={tab.id} />;
}

function WorkflowsRoute({ params }: { params: { tab?: string | undefined } }) {
  const tab = workflowTabs.find(({ path }) => path === (params.tab === undefined ? "/workflows" : `/workflows/${params.tab}`));
  return tab === undefined ? <NotFoundPage /> : <WorkflowsPage tab={tab.id} />;
}

function EventsRoute({ params }: { params: { tab?: string | undefined } }) {
  const tab = eventTabs.find(({ path }) => path === (params.tab === undefined ? "/events" : `/events/${params.tab}`));
  return tab === undefined ? <NotFoundPage /> : <EventsPage tab={tab.id} />;
}

function SettingsRoute({ params }: { params: { tab: string } }) {
  const tab = settingsTabs.find(({ id }) => id === params.tab);
  return tab === undefined ? <NotFoundPage /> : <SettingsPage tab={tab.id} />;
}
