import { AppError } from "../../core/errors.ts";
import type { TrafficRoute } from "../../serving/index.ts";
import { rolloutOf, routeFor } from "../rollout.fixture.ts";
import type { Replica, ReplicaFigures, RolloutRequest } from "../schemas.ts";
import type { RouteReplicaParts } from "./route-replica.ts";

type Store = RouteReplicaParts["store"];

/** For tests: what servers share, in memory, each through a connection that can be cut. */
export class SharedRoutes {
  readonly stored = new Map<string, { revision: number; route: TrafficRoute | null }>();
  readonly servers = new Map<string, Replica>();
  readonly figures = new Map<string, { rollout: string; phase: string; replica: string; figures: ReplicaFigures }>();
  readonly requests: { rollout: string; request: RolloutRequest }[] = [];
  writes = 0;

  write(model: string, rollout: string | null, change: Partial<TrafficRoute> = {}): number {
    const revision = (this.stored.get(model)?.revision ?? 0) + 1;
    this.stored.set(model, { revision, route: rollout === null ? null : { ...routeFor(rollout, { model, ...change }), revision } });
    return revision;
  }

  connect(): { store: Store; cut: boolean } {
    const connection = { cut: false };
    const through = <Given extends unknown[], Result>(work: (...given: Given) => Result) => (...given: Given): Promise<Result> =>
      connection.cut ? Promise.reject(new AppError("DATABASE_UNAVAILABLE", "planted")) : Promise.resolve(work(...given));
    const store: Store = {
      find: through((id) => rolloutOf(id)),
      route: through((model) => this.stored.get(model) ?? null),
      routes: through(() => [...this.stored].map(([model, entry]) => ({ model, ...entry }))),
      reportReplica: through((replica) => {
        this.writes++;
        this.servers.set(replica.id, structuredClone(replica));
      }),
      replicas: through(() => [...this.servers.values()].map((replica) => structuredClone(replica))),
      removeReplica: through((id) => void this.servers.delete(id)),
      request: through((rollout, request) => {
        this.requests.push({ rollout, request });
        return null;
      }),
      writeFigures: through((rollout, phase, replica, figures) => {
        this.writes++;
        this.figures.set(`${rollout} ${phase} ${replica}`, { rollout, phase, replica, figures: structuredClone(figures) });
      }),
      readFigures: through((rollout, phase) => [...this.figures.values()].filter((one) => one.rollout === rollout && one.phase === phase)),
    };
    return Object.assign(connection, { store });
  }
}
