export { liveReplicas } from "./live-replicas.ts";
export { replicaCheck } from "./replica-check.ts";
export { RouteReplica } from "./route-replica.ts";
