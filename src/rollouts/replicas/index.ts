export { liveReplicas } from "./live-replicas.ts";
export { replicaCheck } from "./replica-check.ts";
export { RouteReplica, type RouteReplicaParts } from "./route-replica.ts";
