import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { ChurnSet, type ChurnMember } from "../core/churn-set.ts";

/** One of the connections that are open, as its server knows it. */
export interface PlacedConnection extends ChurnMember {
  socket: Socket;
  /** Address and port of the other side. */
  readonly peer: string;
  /** Requests of it that are being answered. */
  served: number;
  /** The last of them, until its answer has ended; it may still be coming. */
  request: IncomingMessage | null;
  /** Monotonic: when it was opened, its last request began, or its last answer ended. */
  since: number;
  /** Bytes that had come when the request began. */
  receivedBefore: number;
}

export interface GivenWay {
  /** Ends a request that does not come, and its connection; the answer may say why. */
  slowRequest(request: IncomingMessage): void;
  /** Ends an answer that nobody takes, the one that has stood longest; false where there is none. */
  stalledAnswer(monotonic: number): boolean;
}

/** A caller who sends its body at this rate or faster keeps its place. */
const leastBytesPerMs = 16;

/** A connection that has been without a request for so long goes before any that has one, however slow. */
const surelyIdleMs = 1000;

/** More connections than places while those that give way are told why; beyond it they are cut off. */
const mostLeaving = 32;

/**
 * The connections that may be open at once. Where all places are taken, a new one gets the place of the one that has waited longest without a request, in its handshake too; else of the one whose request is furthest behind
 * 16 KB/s; else of one that does not take its answer. Whoever opens connections and says nothing, or little, or reads nothing, locks nobody out. One whose request is being worked on keeps its place.
 */
export class ConnectionPlaces {
  readonly #most: number;
  readonly #givenWay: GivenWay;
  readonly #connections = new ChurnSet<PlacedConnection>();
  readonly #bySocket = new WeakMap<Socket, PlacedConnection>();
  #open = 0;

  constructor(most: number, givenWay: GivenWay) {
    this.#most = most;
    this.#givenWay = givenWay;
  }

  /** Connections that are open, also in their handshake. */
  get open(): number {
    return this.#open;
  }

  /** A connection came; it is ended at once where no other gives way. Over TLS its handshake is still to come. */
  take(socket: Socket, monotonic: number): void {
    if (this.#open >= this.#most && !this.#makePlace(monotonic)) return void socket.destroy();
    const connection: PlacedConnection = { socket, peer: peerOf(socket), served: 0, request: null, since: monotonic, receivedBefore: 0, place: -1 };
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

  /** A request of the connection is being answered. */
  begin(request: IncomingMessage, monotonic: number): void {
    const connection = this.#bySocket.get(request.socket);
    if (connection === undefined) return;
    connection.served++;
    connection.request = request;
    connection.since = monotonic;
    connection.receivedBefore = request.socket.bytesRead;
  }

  /** Its answer has ended, whether all of the request had come or not. */
  end({ socket }: IncomingMessage, monotonic: number): void {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined) return;
    if (--connection.served === 0) connection.request = null;
    connection.since = monotonic;
  }

  #makePlace(monotonic: number): boolean {
    const connection = this.#longestWaiting(monotonic);
    if (connection === null) return this.#givenWay.stalledAnswer(monotonic);
    this.#connections.delete(connection);
    if (connection.request === null || this.#open >= this.#most + mostLeaving) connection.socket.destroy();
    else this.#givenWay.slowRequest(connection.request);
    return true;
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

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
