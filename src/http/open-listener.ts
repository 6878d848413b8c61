import type { Server, ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import type { TlsSource } from "../core/tls-source.ts";

// Not imported: an import reads every export, and with them Node loads its WebSocket, 3 MiB that nothing here uses.
const { createServer } = process.getBuiltinModule("node:http");

/** Until the head of a request is there, and until the handshake of TLS is over. */
const headMs = 10_000;

export interface Listener {
  server: Server;
  /** Ends connections that are still in their handshake: the server itself does not know them yet. */
  endHandshakes(): void;
}

/** The server of `node:http`, over TLS where there is a certificate; a renewed one serves the next connections. */
export function openListener(tls: TlsSource | undefined): Listener {
  const options: ServerOptions = { headersTimeout: headMs, requestTimeout: 0, keepAliveTimeout: 75_000 };
  if (tls === undefined) return { server: answeringAll(createServer(options)), endHandshakes: () => undefined };
  const { certificate, key } = tls.current;
  const secure = createTlsServer({ ...options, cert: certificate, key, handshakeTimeout: headMs });
  const off = tls.onChange((renewed) => secure.setSecureContext({ cert: renewed.certificate, key: renewed.key }));
  const sockets = new Set<Socket>();
  secure.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  secure.once("close", off);
  return {
    // It has all that the plain one has; the types only do not say so.
    server: answeringAll(secure as unknown as Server),
    endHandshakes: () => sockets.forEach((socket) => socket.destroy()),
  };
}

/** What comes with an expectation that nobody knows is a request like others: Node would answer it by itself, without a reason. */
function answeringAll(server: Server): Server {
  return server.on("checkExpectation", (request, response) => server.emit("request", request, response));
}
