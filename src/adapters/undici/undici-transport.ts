import type { LookupFunction } from "node:net";
import type { Dispatcher, Pool } from "undici";
import { AppError } from "../../core/errors.ts";
import type { ProviderSettings } from "../../gateway/schemas.ts";
import type { TransportAnswer, TransportRequest, UpstreamTransport } from "../../gateway/routing/upstream-transport.ts";
import { DestinationPolicy, type Destination } from "../egress/destination-policy.ts";
import { resolveByDns, type Resolver } from "../egress/node-egress-client.ts";
import { ProviderExchange, type KeptConnection } from "./provider-exchange.ts";

export interface UndiciTransportOptions {
  /** Hosts, addresses and CIDRs beside the public internet: the setting egressAllowed. */
  allowed: readonly string[];
  resolve?: Resolver;
  /** Further certificates to trust, in PEM. */
  certificateAuthorities?: readonly string[];
}

/** How long an idle connection stays where the provider does not say. Milliseconds. */
const keptMs = 30_000;
/** Origins with connections of their own; the oldest is closed for one more. */
const mostPools = 512;
const mostHeaderBytes = 32 << 10;

/** What the transport sets itself: destination, framing and encoding are not for settings or callers to choose. */
const ownHeaders = new Set([
  "host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "expect", "proxy-authorization", "proxy-connection", "keep-alive", "accept-encoding", "http2-settings",
]);

interface KeptPool {
  pool: Pool;
  settings: ProviderSettings;
}

type ExchangeOptions = Dispatcher.DispatchOptions & { exchange: ProviderExchange };

/**
 * HTTP/1.1 over undici's pools, one for each provider and origin. An address is judged when a connection is made, and the connection goes to an address that was judged and to no other; a kept connection
 * stays with it.
 */
export class UndiciTransport implements UpstreamTransport {
  readonly #policy: DestinationPolicy;
  readonly #resolve: Resolver;
  readonly #authorities: string[] | undefined;
  readonly #pools = new Map<string, KeptPool>();
  #library: Promise<typeof import("undici")> | undefined;
  #closed = false;

  constructor({ allowed, resolve = resolveByDns, certificateAuthorities }: UndiciTransportOptions) {
    this.#policy = new DestinationPolicy(allowed);
    this.#resolve = resolve;
    this.#authorities = certificateAuthorities === undefined ? undefined : [...certificateAuthorities];
  }

  send(request: TransportRequest): Promise<TransportAnswer> {
    const { provider, settings, url: { origin } } = request;
    const kept = this.#pools.get(poolKey(provider, origin));
    if (kept !== undefined && (kept.settings === settings || sameConnections(kept.settings, settings))) return exchangeBy(kept.pool, request);
    return this.#open(provider, origin, settings).then((pool) => exchangeBy(pool, request));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(({ pool }) => pool.destroy()));
  }

  /** Loaded with the first call: a server that calls no provider need not hold it in memory. */
  async #open(provider: string, origin: string, settings: ProviderSettings): Promise<Pool> {
    const key = poolKey(provider, origin);
    const destination = judged(provider, () => this.#policy.destinationOf(origin));
    const library = await (this.#library ??= import("undici"));
    if (this.#closed) throw new AppError("PROVIDER_UNAVAILABLE", "The server is going down.", { retryAfterSeconds: 1 });
    // Another call may have opened it meanwhile.
    const before = this.#pools.get(key);
    if (before !== undefined && sameConnections(before.settings, settings)) return before.pool;
    const pool = this.#connectionsTo(library, provider, destination, settings);
    if (before !== undefined) retire(before.pool);
    else if (this.#pools.size >= mostPools) {
      const [oldest, { pool: leaving }] = this.#pools.entries().next().value!;
      this.#pools.delete(oldest);
      retire(leaving);
    }
    this.#pools.set(key, { pool, settings });
    return pool;
  }

  #connectionsTo({ buildConnector, Client, Pool }: typeof import("undici"), provider: string, destination: Destination, { connectTimeoutMs, maxConnections }: ProviderSettings): Pool {
    const connect = buildConnector({
      timeout: connectTimeoutMs, lookup: this.#judgedLookup(provider, destination),
      ...(this.#authorities === undefined ? {} : { ca: this.#authorities }),
    } as Parameters<typeof buildConnector>[0]);
    /** One connection at a time; tells exchanges whether its socket has carried an answer before. */
    class CountedClient extends Client implements KeptConnection {
      answers = 0;

      constructor(url: URL, options: object) {
        super(url, {
          ...options,
          connect: (wanted, done) => connect(wanted, ((error: null, socket: never) => {
            this.answers = 0;
            done(error, socket);
          }) as typeof done),
        });
      }

      override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
        (options as ExchangeOptions).exchange.connection = this;
        return super.dispatch(options, handler);
      }
    }
    return new Pool(destination.url.origin, {
      connections: maxConnections, keepAliveTimeout: keptMs, maxHeaderSize: mostHeaderBytes, pipelining: 1,
      factory: (origin, options) => new CountedClient(origin, options),
    });
  }

  /** The only look-up of a connection: what it gives is what was judged, and Node connects to the first of them that answers. Addresses in the URL itself were judged with its text. */
  #judgedLookup(provider: string, destination: Destination): LookupFunction {
    return (_hostname, { all }, done) => {
      this.#resolve(destination.hostname).then((addresses) => {
        const [first] = addresses;
        if (first === undefined) throw new AppError("PROVIDER_UNAVAILABLE", "The name of the provider has no address.");
        judged(provider, () => this.#policy.assertAllowed(destination, addresses));
        const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
        // Out of the promise, so that what a listener throws is not taken for a failed look-up.
        process.nextTick(() => (all === true ? done(null, found) : done(null, first, found[0]!.family)));
      }).catch((error: unknown) => process.nextTick(done, error as NodeJS.ErrnoException, []));
    };
  }
}

function exchangeBy(pool: Pool, request: TransportRequest): Promise<TransportAnswer> {
  const { settings, url } = request;
  const resend = (): void => {
    if (!exchange.isOver) pool.dispatch(options, exchange);
  };
  const exchange = new ProviderExchange(request, resend);
  const options: ExchangeOptions = {
    path: `${url.pathname}${url.search}`, method: request.method, headers: sentHeaders(request.headers), body: request.body,
    headersTimeout: settings.idleTimeoutMs, bodyTimeout: settings.idleTimeoutMs, exchange,
  };
  resend();
  return exchange.answer;
}

function poolKey(provider: string, origin: string): string {
  return `${provider} ${origin}`;
}

/** Callers of a provider need not know where it is: that, and the rule that refuses it, is the `cause` for whoever sets it up. */
function judged<Result>(provider: string, judge: () => Result): Result {
  try {
    return judge();
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    throw new AppError(cause.code, `This server does not call the address that the provider ${provider} is set up with; an administrator sees why with \`slipway gateway test-provider ${provider}\`.`, { cause });
  }
}

function sentHeaders(headers: Readonly<Record<string, string>>): string[] {
  const sent = ["accept-encoding", "identity"];
  for (const name in headers) if (!ownHeaders.has(name) && !ownHeaders.has(name.toLowerCase())) sent.push(name, headers[name]!);
  return sent;
}

/** Whether a pool that was opened for the one serves the other. */
function sameConnections(one: ProviderSettings, other: ProviderSettings): boolean {
  return one.connectTimeoutMs === other.connectTimeoutMs && one.maxConnections === other.maxConnections;
}

/** Calls under way end as they would. */
function retire(pool: Pool): void {
  pool.close().catch(() => undefined);
}
