import { createServer as createPlainServer, type AddressInfo, type Server as Listener, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { ConnectionInjector } from "@grpc/grpc-js";
import { ChurnSet, type ChurnMember } from "../core/churn-set.ts";
import type { Clock } from "../core/clock.ts";
import { surviveFailures } from "../core/listener-failures.ts";
import type { Logger } from "../core/logger.ts";
import type { TlsSource } from "../core/tls-source.ts";
import type { TurnedAway } from "../core/turned-away.ts";

export interface GrpcConnectionsOptions {
  host: string;
  port: number;
  /** Connections that may be open at once. */
  most: number;
  tls: TlsSource | undefined;
  /** Hears of connections for which there was no place, and of those that were cut off for another in the midst of their calls. */
  turnedAway?: Pick<TurnedAway, "count"> | undefined;
}

interface OpenConnection extends ChurnMember {
  /** As it was taken from the system: over TLS the one below. */
  readonly socket: Socket;
  readonly address: string;
  /** Speaks HTTP/2 over it; null while its handshake is under way. */
  injector: ConnectionInjector | null;
  /** It was asked to end what is under way and to take no further call. */
  leaving: boolean;
  /** Bytes that had come from the other side at the last look. */
  received: number;
  /** Monotonic: when bytes were last seen to come. */
  since: number;
}

/** Until the handshake of TLS is over. */
const handshakeMs = 10_000;

/** Calls that are under way on a connection that gives way have so long to end. */
const leavingMs = 10_000;

/** More connections than places while those that give way end their calls; beyond it they are cut off. */
const mostLeaving = 32;

/** A connection from which nothing has come for so long gives way to another of its own address. */
const quietMs = 1000;

/** Connections that the system may hold until they are taken. */
const mostWaiting = 4096;

/**
 * The connections of the gRPC door. Where all places are taken, a new one gets the place of one that has long been in its handshake, else, among those of the address that holds most, of the one from which nothing has come for longest.
 * That one is told to call on another connection, and what is under way on it is answered. It costs a call nothing: who is quiet is seen by a look at each connection each second.
 */
export class GrpcConnections {
  readonly #options: GrpcConnectionsOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #openInjector: () => ConnectionInjector;
  readonly #listener: Listener;
  readonly #connections = new ChurnSet<OpenConnection>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: GrpcConnectionsOptions, parts: { clock: Clock; logger: Logger; openInjector: () => ConnectionInjector }) {
    this.#options = options;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#openInjector = parts.openInjector;
    this.#listener = this.#createListener(options.tls);
  }

  get open(): number {
    return this.#connections.size;
  }

  /** Answers with the port that was taken. */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen({ host, port, backlog: mostWaiting }, () => {
        surviveFailures(this.#listener, "gRPC", { clock: this.#clock, logger: this.#logger });
        this.#sweeper = setInterval(() => this.look(), 1000).unref();
        resolve((this.#listener.address() as AddressInfo).port);
      });
    });
  }

  /** Takes no further connection and no further call; settles when those under way are answered, or are cut off after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    clearInterval(this.#sweeper);
    const closed: Promise<void>[] = [];
    this.#listener.close();
    for (const { socket, injector } of this.#connections.values()) {
      closed.push(new Promise((resolve) => socket.once("close", () => resolve())));
      if (injector === null) socket.destroy();
      else injector.drain(graceMs);
    }
    const late = setTimeout(() => this.#connections.values().forEach(({ socket }) => socket.destroy()), graceMs);
    await Promise.all(closed);
    clearTimeout(late);
  }

  /** Called each second: sees which connections are quiet. */
  look(): void {
    const now = this.#clock.monotonic();
    for (const connection of this.#connections.values()) {
      const received = connection.socket.bytesRead;
      if (received === connection.received) continue;
      connection.received = received;
      connection.since = now;
    }
  }

  #createListener(tls: TlsSource | undefined): Listener {
    if (tls === undefined) {
      return createPlainServer({ noDelay: true }, (socket) => {
        const connection = this.#take(socket);
        if (connection !== null) this.#serve(connection, socket);
      });
    }
    const { certificate, key } = tls.current;
    const server = createTlsServer({ cert: certificate, key, ALPNProtocols: ["h2"], handshakeTimeout: handshakeMs, noDelay: true });
    const off = tls.onChange((renewed) => server.setSecureContext({ cert: renewed.certificate, key: renewed.key }));
    server.once("close", off);
    server.on("connection", (socket: Socket) => void this.#take(socket));
    server.on("secureConnection", (secured) => {
      const connection = this.#connections.values().find(({ socket, injector }) => injector === null && socket.remotePort === secured.remotePort && socket.remoteAddress === secured.remoteAddress);
      // It gave way while its handshake ended.
      if (connection === undefined) return void secured.destroy();
      this.#serve(connection, secured);
    });
    return server;
  }

  #take(socket: Socket): OpenConnection | null {
    socket.on("error", () => undefined);
    const address = socket.remoteAddress ?? "";
    const now = this.#clock.monotonic();
    if (this.open >= this.#options.most && !this.#makePlace(address, now)) {
      this.#options.turnedAway?.count("connections");
      socket.destroy();
      return null;
    }
    const connection: OpenConnection = { socket, address, injector: null, leaving: false, received: 0, since: now, place: -1 };
    this.#connections.add(connection);
    socket.once("close", () => {
      this.#connections.delete(connection);
      connection.injector?.destroy();
    });
    return connection;
  }

  #serve(connection: OpenConnection, socket: Socket): void {
    socket.on("error", () => undefined);
    // One for each connection: it is what the library offers to end one gently.
    connection.injector = this.#openInjector();
    connection.since = this.#clock.monotonic();
    connection.injector.injectConnection(socket);
  }

  #makePlace(newcomer: string, now: number): boolean {
    const giving = this.#givingWay(newcomer, now);
    if (giving === null) return false;
    if (giving.injector === null || this.open >= this.#options.most + mostLeaving) {
      if (giving.injector !== null) this.#options.turnedAway?.count("connections");
      this.#connections.delete(giving);
      giving.socket.destroy();
    } else {
      giving.leaving = true;
      giving.injector.drain(leavingMs);
    }
    return true;
  }

  #givingWay(newcomer: string, now: number): OpenConnection | null {
    const all = this.#connections.values();
    const held = new Map<string, number>();
    let most = 0;
    let longest: OpenConnection | null = null;
    for (const connection of all) {
      if (connection.leaving) continue;
      const count = (held.get(connection.address) ?? 0) + 1;
      held.set(connection.address, count);
      if (count > most) most = count;
      if (connection.injector === null && now - connection.since >= quietMs && (longest === null || connection.since < longest.since)) longest = connection;
    }
    if (longest !== null) return longest;
    for (const connection of all) {
      if (connection.leaving || held.get(connection.address) !== most) continue;
      if (longest === null || connection.since < longest.since) longest = connection;
    }
    // All are leaving: the first of them is cut off.
    if (longest === null) return all[0] ?? null;
    // Nobody gains where a connection in use gives way to another of those who hold most.
    const holdsMost = (held.get(newcomer) ?? 0) + 1 >= most;
    return holdsMost && now - longest.since < quietMs ? null : longest;
  }
}
