import { useModels } from "../../data/models.ts";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Skeleton } from "../../parts/resource-view.tsx";
import { useGatewayRoutes } from "../gateway/gateway-data.ts";

/** Stands where there is nothing to choose: not yet, not for the reader to know, or not at all. */
export function NoSubject({ what }: { what: "rolled out" | "tested" }) {
  const lists = [useModels(), useGatewayRoutes()];
  const failed = lists.find(({ data, error }) => data === undefined && error !== undefined);
  if (failed?.error !== undefined) return <ErrorBox error={failed.error} retry={() => lists.forEach(({ data, reload }) => data === undefined && reload())} />;
  if (lists.some(({ data }) => data === undefined)) return <Skeleton lines={6} />;
  return <p>There is neither a model nor a route of the gateway that could be {what}.</p>;
}
