import type { SourceModel } from "./model-source.ts";
import type { UpstreamDocument, UpstreamRequest } from "./upstream-schemas.ts";

/** Makes versions out of servers that exist. */
export interface UpstreamSource {
  /**
   * Asks the server what its model takes and answers, tries the example where one was given, and writes the document and the sealed headers. The same
   * request as that of `former`, the document of the model's latest version, gives the same document. Throws EGRESS_REFUSED for a destination
   * that is not allowed, UPSTREAM_UNREACHABLE and its siblings for a server that does not answer, MODEL_SOURCE_INVALID where the signature cannot be told.
   */
  read(model: string, request: UpstreamRequest, former: UpstreamDocument | null): Promise<SourceModel>;
  /** The document that an earlier call wrote, by its digest. */
  document(digest: string): Promise<UpstreamDocument>;
}
