import { ok, skipped, warning, type DoctorCheck } from "../../core/doctor-check.ts";
import type { Replica } from "../schemas.ts";
import { liveReplicas } from "./live-replicas.ts";
import type { RouteReplica } from "./route-replica.ts";

export interface ReplicaCheckParts {
  replica: Pick<RouteReplica, "id" | "state">;
  store: { replicas(): Promise<Replica[]>; routes(): Promise<{ model: string; revision: number; route: object | null }[]> };
}

/** Whether all servers have the routes that are stored. */
export function replicaCheck({ replica, store }: ReplicaCheckParts): DoctorCheck {
  return {
    name: "routes of rollouts",
    async run(now) {
      const { isCutOff, lastSeenDatabaseAt } = replica.state;
      if (isCutOff) {
        return warning(
          `This server has not reached the database for ${Math.round((now - lastSeenDatabaseAt) / 1000)} s; it goes on with the routes that it has.`,
          "Look at the database and the network: until then this server takes no step of a rollout, and no rollback from elsewhere.",
        );
      }
      const routes = (await store.routes()).filter(({ route }) => route !== null);
      if (routes.length === 0) return skipped("No model has a route of a rollout.");
      const live = liveReplicas(await store.replicas());
      const behind = live.flatMap(({ id, routes: taken }) => routes.filter(({ model, revision }) => (taken[model] ?? -1) < revision).map(({ model }) => `${id} (${model})`));
      if (behind.length > 0) return warning(`Servers that have not taken the newest route: ${behind.slice(0, 10).join(", ")}.`, "Steps wait for them. Look at their logs: a version may not load there.");
      return ok(`${routes.length === 1 ? "The route is" : `All ${routes.length} routes are`} taken by ${live.length === 1 ? "the one server" : `all ${live.length} servers`}.`);
    },
  };
}
