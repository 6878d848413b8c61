import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** What a new connection through the proxy meets. Bytes are counted in both directions together. */
export type SocketFault =
  | { kind: "none" }
  /** Ends with a reset instead of being taken. */
  | { kind: "refuse" }
  /** Is reset after so many bytes, in the middle of whatever they belong to. */
  | { kind: "cut"; afterBytes: number }
  /** Stays open and carries nothing after so many bytes, until it is cut or `flow` is called. */
  | { kind: "stall"; afterBytes: number }
  /** Carries what came in pieces of at most so many bytes, one in each turn of the event loop. */
  | { kind: "trickle"; pieceBytes: number };

interface Target {
  host?: string;
  port: number;
}

/** Between a client and a server on loopback: it cuts, stalls, slows, refuses and redirects connections, as told or by a plan. */
export class SocketProxy {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #target: Target;
  #plan: () => SocketFault = () => ({ kind: "none" });
  #accepted = 0;
  #onAccept: (() => void)[] = [];

  private constructor(server: Server, target: Target) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async start(target: Target): Promise<SocketProxy> {
    const server = createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new SocketProxy(server, target);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections taken so far, refused ones included. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#links.size;
  }

  /** Asked for each new connection. */
  plan(next: () => SocketFault): void {
    this.#plan = next;
  }

  /** New connections go there; those that are open stay where they are. */
  retarget(target: Target): void {
    this.#target = target;
  }

  /** Resets every open connection. */
  cut(): void {
    for (const link of this.#links) link.cut();
  }

  /** Nothing passes through the open connections any more, and nobody is told. */
  stall(): void {
    for (const link of this.#links) link.stall();
  }

  /** Ends `stall`. */
  flow(): void {
    for (const link of this.#links) link.flow();
  }

  /** Answers once so many connections have been taken. */
  async until(accepted: number): Promise<void> {
    while (this.#accepted < accepted) await new Promise<void>((resolve) => this.#onAccept.push(resolve));
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    this.#accepted++;
    const fault = this.#plan();
    if (fault.kind === "refuse") {
      client.on("error", () => undefined);
      client.resetAndDestroy();
    } else {
      const link = new Link(client, connect(this.#target.port, this.#target.host ?? "127.0.0.1"), fault, () => this.#links.delete(link));
      this.#links.add(link);
    }
    for (const wake of this.#onAccept.splice(0)) wake();
  }
}

class Link {
  readonly #sockets: readonly [Socket, Socket];
  readonly #fault: SocketFault;
  readonly #held: (() => void)[] = [];
  readonly #waiting = new Map<Socket, Buffer[]>();
  readonly #trickling = new Set<Socket>();
  #bytes = 0;
  #stalled = false;
  /** The fault has happened; it does not happen again. */
  #isSpent = false;

  constructor(client: Socket, server: Socket, fault: SocketFault, onEnd: () => void) {
    this.#sockets = [client, server];
    this.#fault = fault;
    this.#carry(client, server);
    this.#carry(server, client);
    for (const socket of this.#sockets) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        onEnd();
        // A stalled link hides from each side that the other is gone.
        if (this.#stalled) this.#held.push(() => this.cut());
        else this.#end();
      });
    }
  }

  cut(): void {
    for (const socket of this.#sockets) {
      // One that is just ending cannot be reset: Node would leave it open for ever, and wait for it without an end when the process ends.
      if (socket.writableEnded && !socket.writableFinished) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  stall(): void {
    this.#stalled = true;
  }

  flow(): void {
    this.#stalled = false;
    for (const release of this.#held.splice(0)) release();
  }

  /** What was carried before still arrives. */
  #end(): void {
    for (const socket of this.#sockets) if (!socket.destroyed) socket.end();
  }

  #carry(from: Socket, to: Socket): void {
    from.on("data", (chunk) => this.#pass(chunk, to));
  }

  #pass(chunk: Buffer, to: Socket): void {
    if (this.#stalled) {
      this.#held.push(() => this.#pass(chunk, to));
      return;
    }
    const fault = this.#fault;
    if (fault.kind === "trickle") this.#trickle(chunk, to, fault.pieceBytes);
    else if ((fault.kind === "cut" || fault.kind === "stall") && !this.#isSpent) this.#passUpTo(fault, chunk, to);
    else to.write(chunk);
  }

  #passUpTo({ kind, afterBytes }: { kind: "cut" | "stall"; afterBytes: number }, chunk: Buffer, to: Socket): void {
    const left = afterBytes - this.#bytes;
    this.#bytes += chunk.length;
    if (left >= chunk.length) {
      to.write(chunk);
      return;
    }
    this.#isSpent = true;
    this.#stalled = true;
    if (left > 0) to.write(chunk.subarray(0, left));
    // A reset overtakes what is still to be sent; the other side may see more or less of it, as on a real network.
    if (kind === "cut") setImmediate(() => this.cut());
    else this.#held.push(() => to.write(chunk.subarray(Math.max(0, left))));
  }

  #trickle(chunk: Buffer, to: Socket, pieceBytes: number): void {
    const waiting = this.#waiting.get(to) ?? [];
    this.#waiting.set(to, waiting);
    for (let start = 0; start < chunk.length; start += pieceBytes) waiting.push(chunk.subarray(start, start + pieceBytes));
    if (this.#trickling.has(to)) return;
    this.#trickling.add(to);
    const next = (): void => {
      const piece = waiting.shift();
      if (piece === undefined || to.destroyed) {
        this.#trickling.delete(to);
        return;
      }
      to.write(piece);
      setImmediate(next);
    };
    next();
  }
}
