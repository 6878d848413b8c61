import type { ProviderSettings } from "../schemas.ts";
import type { StopSignal } from "../../core/stop-signal.ts";

export interface TransportRequest {
  /** Name of the provider: connections are kept by it. */
  provider: string;
  settings: ProviderSettings;
  method: "GET" | "POST";
  /** Not to be changed: the next request to the same place has the same one. */
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array | string | null;
  /** Ends the request and its connection: the caller has gone, the deadline is over, another attempt was quicker. */
  signal: StopSignal;
  /** The kept connection that was chosen closed without an answer. Whether the request goes out again over another; where it does not, `send` fails. Where it is absent, it does. */
  mayResend?: () => boolean;
  /** The request went out whole: from here on the provider may do what it was asked. */
  onSent?: () => void;
}

export interface TransportAnswer {
  status: number;
  /** Names in small letters; of repeated ones the last. */
  headers: Readonly<Record<string, string>>;
  /** As it arrives, decompressed. Throws PROVIDER_TIMEOUT after `idleTimeoutMs` of silence, PROVIDER_UNAVAILABLE where the connection breaks before the end. Returning early ends the connection. */
  body: AsyncIterable<Uint8Array>;
}

/**
 * HTTP to providers, over kept connections. Where a provider's address was typed in by a user it is judged like every such address: a name is looked up once, each address is judged, private ones are
 * refused unless the setting egressAllowed names the host, and redirects are never followed.
 */
export interface UpstreamTransport {
  /** Throws EGRESS_REFUSED (nothing was sent; which host and by which rule says the deepest `cause`, an AppError too), PROVIDER_UNAVAILABLE where no connection could be made or it broke, PROVIDER_TIMEOUT. */
  send(request: TransportRequest): Promise<TransportAnswer>;
  close(): Promise<void>;
}
