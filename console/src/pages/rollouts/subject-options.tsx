import { useModels } from "../../data/models.ts";
import { routeOf } from "../../data/rollouts.ts";
import { useGatewayRoutes } from "../gateway/gateway-data.ts";

/** Options of a select: models, and routes of the gateway as `route:NAME`. One that is chosen is there also when it is gone. */
export function SubjectOptions({ chosen }: { chosen: string | null }) {
  const models = useModels().data?.models.map(({ name }) => name) ?? [];
  const routes = useGatewayRoutes().data?.routes.map(({ name }) => name) ?? [];
  const route = chosen === null ? null : routeOf(chosen);
  const groups = [
    { label: "Models", names: [...models, ...(chosen === null || route !== null ? [] : [chosen])], prefix: "" },
    { label: "Routes of the gateway", names: [...routes, ...(route === null ? [] : [route])], prefix: "route:" },
  ];
  return groups.map(({ label, names, prefix }) => names.length > 0 && (
    <optgroup key={label} label={label}>{[...new Set(names)].map((name) => <option key={name} value={prefix + name}>{name}</option>)}</optgroup>
  ));
}
