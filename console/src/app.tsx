import { Redirect, Route, Switch } from "wouter";
import { DocsPage } from "./pages/docs/docs-page.tsx";
import { ModelPage } from "./pages/model/model-page.tsx";
import { ModelsPage } from "./pages/models/models-page.tsx";
import { NotFoundPage } from "./pages/not-found-page.tsx";
import { PredictionPage } from "./pages/predictions/prediction-page.tsx";
import { modelTabs } from "./shell/sections.ts";
import { Shell } from "./shell/shell.tsx";

/** Every address of the console. The server has the same list, to answer 404 for the rest. */
export function App() {
  return (
    <Shell>
      <Switch>
        <Route path="/"><Redirect to="/models" replace /></Route>
        <Route path="/models" component={ModelsPage} />
        <Route path="/models/:model/:tab?" component={ModelRoute} />
        <Route path="/predictions/:id" component={PredictionPage} />
        <Route path="/docs" component={DocsPage} />
        <Route component={NotFoundPage} />
      </Switch>
    </Shell>
  );
}

/** One route for all tabs, so that the page stays, and with it the focus, when the tab changes. */
function ModelRoute({ params }: { params: { model: string; tab?: string | undefined } }) {
  const tab = modelTabs.find(({ path }) => path === (params.tab === undefined ? "" : `/${params.tab}`));
  return tab === undefined ? <NotFoundPage /> : <ModelPage name={params.model} tab={tab.id} />;
}
