import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ChurnSet, type ChurnMember } from "../core/churn-set.ts";
import { AppError } from "../core/errors.ts";
import type { TurnedAway } from "../core/turned-away.ts";

/** One of the connections that are open, as its server knows it. */
export interface PlacedConnection extends ChurnMember {
  socket: Socket;
  /** Address and port of the other side. */
  readonly peer: string;
  /** Whose it is: its address, or the key or user of its last request. */
  holder: string;
  /** Opened beyond the places: its first request shows whether it gets one. */
  onTrial: boolean;
  /** Requests of it that have come, and that are being answered. */
  begun: number;
  served: number;
  /** The last of them, until its answer has ended; it may still be coming. */
  request: IncomingMessage | null;
  /** Monotonic: when it was opened, its last request began, or its last answer ended. */
  since: number;
  /** Bytes that had come when the request began. */
  receivedBefore: number;
}

/** Why a connection is ended for another: its request does not come, or who holds it holds most of all. */
export type GivesWay = "slow" | "holds most";

export interface GivenWay {
  /** Ends a request whose body has not come whole, and its connection; the answer may say why. */
  unfinishedRequest(request: IncomingMessage, why: GivesWay): void;
  /** Ends an answer that nobody takes, the one that has stood longest; false where there is none. */
  stalledAnswer(monotonic: number): boolean;
}

/** A caller who sends its body at this rate or faster keeps its place. */
const leastBytesPerMs = 16;

/** A connection that has been without a request for so long goes before any that has one, however slow. */
const surelyIdleMs = 1000;

/** More connections than places: those that give way and are told why, and those whose first request is awaited. Beyond it they are cut off. */
const mostBeyond = 32;

/**
 * The connections that may be open at once. Where all places are taken, a new one gets the place of the one that has waited longest without a request, in its handshake too; else of the one whose request is furthest behind
 * 16 KB/s; else of one that does not take its answer. Whoever opens connections and says nothing, or little, or reads nothing, locks nobody out. Where none is such a one, it is its first request that shows who calls: it gets the place of
 * one of the key, user or address that holds most, as far as its own holds fewer, and is refused where it does not. Who holds how many is counted when it comes to that: nothing is kept for it.
 */
export class ConnectionPlaces {
  readonly #most: number;
  readonly #givenWay: GivenWay;
  readonly #turnedAway: Pick<TurnedAway, "count"> | undefined;
  readonly #connections = new ChurnSet<PlacedConnection>();
  readonly #bySocket = new WeakMap<Duplex, PlacedConnection>();
  #open = 0;

  constructor(most: number, givenWay: GivenWay, turnedAway?: Pick<TurnedAway, "count">) {
    this.#most = most;
    this.#givenWay = givenWay;
    this.#turnedAway = turnedAway;
  }

  /** Connections that are open, also in their handshake. */
  get open(): number {
    return this.#open;
  }

  /** A connection came; it is ended at once where no other gives way and there are too many whose first request is awaited. Over TLS its handshake is still to come. */
  take(socket: Socket, monotonic: number): void {
    const onTrial = this.#open >= this.#most && !this.#makePlace(monotonic);
    if (onTrial && this.#open >= this.#most + mostBeyond) {
      this.#turnedAway?.count("connections");
      return void socket.destroy();
    }
    const connection: PlacedConnection = { socket, peer: peerOf(socket), holder: socket.remoteAddress ?? "", onTrial, begun: 0, served: 0, request: null, since: monotonic, receivedBefore: 0, place: -1 };
    this.#open++;
    this.#bySocket.set(socket, connection);
    this.#connections.add(connection);
    socket.once("close", () => {
      this.#open--;
      this.#connections.delete(connection);
    });
  }

  /** The handshake of a connection is over: its requests come from this socket. */
  secured(socket: Socket): void {
    const peer = peerOf(socket);
    const connection = this.#connections.values().find((candidate) => candidate.peer === peer);
    // It gave way while its handshake ended.
    if (connection === undefined) return void socket.destroy();
    connection.socket = socket;
    this.#bySocket.set(socket, connection);
  }

  /** Requests that have come on the connection. */
  begunOn(socket: Duplex): number {
    return this.#bySocket.get(socket)?.begun ?? 0;
  }

  /** A request of the connection is being answered. */
  begin(request: IncomingMessage, monotonic: number): PlacedConnection | undefined {
    const connection = this.#bySocket.get(request.socket);
    if (connection === undefined) return undefined;
    connection.begun++;
    connection.served++;
    connection.request = request;
    connection.since = monotonic;
    connection.receivedBefore = request.socket.bytesRead;
    return connection;
  }

  /** Who calls on it: their key or user, else their address. Throws CONNECTIONS_TAKEN where all places are taken and nobody holds more of them. */
  known(connection: PlacedConnection, holder: string): void {
    connection.holder = holder;
    if (!connection.onTrial) return;
    connection.onTrial = false;
    if (this.#connections.size <= this.#most || this.#takeOfMost(holder)) return;
    this.#turnedAway?.count("connections");
    throw connectionsTaken();
  }

  /** Its answer has ended, whether all of the request had come or not. */
  end({ socket }: IncomingMessage, monotonic: number): void {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined) return;
    if (--connection.served === 0) connection.request = null;
    connection.since = monotonic;
  }

  /** Ends those without a request under way; what was written goes out before. */
  endIdle(): void {
    for (const { socket, served } of this.#connections.values()) if (served === 0) socket.destroySoon();
  }

  /** Ends them all at once, in their handshake too. */
  destroyAll(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  #makePlace(monotonic: number): boolean {
    const connection = this.#longestWaiting(monotonic);
    if (connection === null) return this.#givenWay.stalledAnswer(monotonic);
    this.#end(connection, "slow");
    return true;
  }

  /** Ends a connection of whoever holds most; false where that is no more than this one has, the new one counted. */
  #takeOfMost(holder: string): boolean {
    const connections = this.#connections.values();
    const held = new Map<string, number>();
    for (const connection of connections) held.set(connection.holder, (held.get(connection.holder) ?? 0) + 1);
    const most = Math.max(...held.values());
    if (most <= held.get(holder)!) return false;
    let last: PlacedConnection | null = null;
    for (const connection of connections) {
      if (held.get(connection.holder) !== most) continue;
      // What has not come whole is sent again at the least cost; of two, the one that was begun last.
      if (last === null || Number(isComing(connection)) - Number(isComing(last)) > 0 || (isComing(connection) === isComing(last) && connection.since >= last.since)) last = connection;
    }
    this.#turnedAway?.count("connections");
    this.#end(last!, "holds most");
    return true;
  }

  #end(connection: PlacedConnection, why: GivesWay): void {
    this.#connections.delete(connection);
    if (connection.request === null || connection.request.complete || this.#open >= this.#most + mostBeyond) connection.socket.destroy();
    else this.#givenWay.unfinishedRequest(connection.request, why);
  }

  #longestWaiting(monotonic: number): PlacedConnection | null {
    let [idle, idleMs]: [PlacedConnection | null, number] = [null, surelyIdleMs];
    let [other, otherMs]: [PlacedConnection | null, number] = [null, -1];
    for (const connection of this.#connections.values()) {
      const sinceMs = monotonic - connection.since;
      const isIdle = connection.request === null && sinceMs >= surelyIdleMs;
      if (isIdle ? sinceMs < idleMs : sinceMs <= otherMs) continue;
      // What has come of a body lessens it, and takes much longer to ask for.
      const waitedMs = sinceMs - credit(connection);
      if (isIdle && waitedMs >= idleMs) [idle, idleMs] = [connection, waitedMs];
      else if (!isIdle && waitedMs >= 0 && waitedMs > otherMs) [other, otherMs] = [connection, waitedMs];
    }
    return idle ?? other;
  }
}

/** The time that what came of a request may have taken, in milliseconds; without end where the server does not wait for the caller. */
function credit({ socket, served, request, receivedBefore }: PlacedConnection): number {
  if (served === 0) return socket.writableLength === 0 ? 0 : Infinity;
  // What has come whole is being worked on, and what waits here to be read is not the caller's delay.
  if (served > 1 || request === null || request.complete || request.readableLength > 0) return Infinity;
  return (socket.bytesRead - receivedBefore) / leastBytesPerMs;
}

function isComing({ request }: PlacedConnection): boolean {
  return request !== null && !request.complete;
}

function connectionsTaken(): AppError {
  return new AppError("CONNECTIONS_TAKEN", "All connections are taken, and no key, user or address holds more of them than the one that calls.", { retryAfterSeconds: 1 });
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
