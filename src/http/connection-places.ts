import type { Socket } from "node:net";
import { ChurnSet, type ChurnMember } from "../core/churn-set.ts";

interface Connection extends ChurnMember {
  socket: Socket;
  /** Requests of it that are being answered. */
  served: number;
  /** Monotonic: when it was opened, or its last answer ended. */
  since: number;
}

/**
 * The connections that may be open at once. Where all places are taken, the one that has waited longest without a request gives its place to a new one: whoever opens connections and says nothing, or keeps what is answered, locks
 * nobody out. One with a request under way keeps its place.
 */
export class ConnectionPlaces {
  readonly #most: number;
  readonly #connections = new ChurnSet<Connection>();
  readonly #bySocket = new WeakMap<Socket, Connection>();
  #open = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Connections that are open, also in their handshake. */
  get open(): number {
    return this.#open;
  }

  /** A connection came; it is ended at once where every place has a request under way. Over TLS its handshake is still to come. */
  take(socket: Socket): void {
    if (this.#open >= this.#most) {
      const idle = this.#longestIdle();
      if (idle === null) return void socket.destroy();
      this.#connections.delete(idle);
      idle.socket.destroy();
    }
    this.#open++;
    socket.once("close", () => this.#open--);
  }

  /** The connection can carry requests from now on. */
  add(socket: Socket, monotonic: number): void {
    if (socket.destroyed) return;
    const connection: Connection = { socket, served: 0, since: monotonic, place: -1 };
    this.#bySocket.set(socket, connection);
    this.#connections.add(connection);
    socket.once("close", () => void this.#connections.delete(connection));
  }

  /** A request of the connection is being answered. */
  begin(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (connection !== undefined) connection.served++;
  }

  /** Its answer has ended, whether all of the request had come or not. */
  end(socket: Socket, monotonic: number): void {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined) return;
    connection.served--;
    connection.since = monotonic;
  }

  /** Of those whose answers have gone out, at least to the system. */
  #longestIdle(): Connection | null {
    let longest: Connection | null = null;
    for (const connection of this.#connections.values()) if (connection.served === 0 && connection.socket.writableLength === 0 && (longest === null || connection.since < longest.since)) longest = connection;
    return longest;
  }
}
