/** Where the values of headers are kept, sealed. */
export interface UpstreamHeaders {
  /** Keeps them for the destination and answers with the id under which they are found. */
  keep(headers: Readonly<Record<string, string>>, url: string): Promise<string>;
  /** Notes which artifact names the id: they are kept as long as that is. */
  noteArtifact(id: string, digest: string): Promise<void>;
  /** Those of the id, for the destination that they were given for and no other. Throws SECRET_UNREADABLE. */
  read(id: string, url: string): Promise<Record<string, string>>;
}
