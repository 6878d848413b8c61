import { NodeEgressClient, resolveByDns } from "./adapters/egress/node-egress-client.ts";
import { SqlUpstreamHeaders } from "./adapters/sql/index.ts";
import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import { rememberedAddresses } from "./adapters/upstream/remembered-addresses.ts";
import { SealedHeaders } from "./adapters/upstream/sealed-headers.ts";
import { UpstreamRuntime } from "./adapters/upstream/upstream-runtime.ts";
import { UpstreamVersions } from "./adapters/upstream/upstream-versions.ts";
import type { Config } from "./config/index.ts";
import type { AnswerMemory } from "./core/answer-memory.ts";
import type { Clock, EpochMs } from "./core/clock.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import type { SecretBox } from "./core/secret-box.ts";
import type { BlobStore, UpstreamSource } from "./registry/index.ts";
import type { ModelRuntime } from "./serving/index.ts";

interface Parts {
  config: Config;
  database: SqlDatabase;
  blobs: BlobStore;
  /** Asked for when the first headers are kept or read. */
  secrets: () => SecretBox;
  /** Memory of large answers, which have one bound with those of providers. */
  answers: AnswerMemory;
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

export interface OpenedUpstreams {
  runtime: ModelRuntime;
  upstreams: UpstreamSource;
  /** Of the artifacts in use; answers how many went. */
  removeUnusedHeaders(artifacts: ReadonlySet<string>, now: EpochMs): Promise<number>;
}

/** Versions that are answered by servers elsewhere. */
export function openUpstreams({ config, database, blobs, secrets, answers, clock, ids, logger }: Parts): OpenedUpstreams {
  const egress = new NodeEgressClient({ allowed: config.egressAllowed, resolve: rememberedAddresses(resolveByDns, clock), keepConnections: true });
  const headers = new SealedHeaders({ store: new SqlUpstreamHeaders(database), secrets, clock, ids });
  return {
    runtime: new UpstreamRuntime({ egress, headers, answers, clock, logger }),
    upstreams: new UpstreamVersions({ egress, headers, answers, blobs, clock, logger }),
    removeUnusedHeaders: (artifacts, now) => headers.removeUnused(artifacts, now),
  };
}
